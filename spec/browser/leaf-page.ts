/*
 * What runs in the page of leaf.spec.ts. The spec calls the functions of `leafPage`.
 */

import { filter, firstValueFrom, lastValueFrom, map, Subject, switchMap, take, tap, timer, toArray } from 'rxjs';
import { connect, consume, type ConnectionState, type LeafConnection } from '../../lib/index.js';
import { count, cut, echo, endless, forget, largeBytes, seen, size, slow, sum, whoAmI } from './leaf-routes.js';

declare const document: EventTarget;

let leaf: LeafConnection;
let states: ConnectionState[] = [];
const asked: (string | undefined)[] = [];

const now = (): ConnectionState => states.at(-1)!;

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

/** Everything of a connection, once; each part is named as in leaf.spec.ts. */
async function conform() {
  await leaf.ready();
  const items = new Subject<number>();
  const half = firstValueFrom(leaf.exchange(sum, undefined, items));
  [1, 2, 3].forEach((item) => {
    items.next(item);
  });
  items.complete();
  const stream = leaf.open(echo);
  const echoed = firstValueFrom(stream.pipe(take(3), toArray()));
  [7, 8, 9].forEach((item) => {
    stream.next(item);
  });
  const cancelled = leaf.request(slow).subscribe();
  // Calls arrive in their order: once this one is answered, the other one runs.
  await firstValueFrom(leaf.request(whoAmI));
  cancelled.unsubscribe();
  return {
    unary: await firstValueFrom(leaf.request(whoAmI)),
    large: await firstValueFrom(leaf.request(size, new Uint8Array(largeBytes))),
    output: await lastValueFrom(
      leaf.stream(count, 5_000).pipe(
        toArray(),
        map(({ length }) => length),
      ),
    ),
    halfClose: await half,
    both: await echoed,
    inputOnly: await lastValueFrom(leaf.exchange(forget, undefined, [1, 2, 3]), { defaultValue: 'completed' }),
    deadline: await codeOf(firstValueFrom(leaf.request(slow, undefined, { timeout: 50 }))),
    unknown: await codeOf(firstValueFrom(leaf.request({ ...whoAmI, name: 'nobody' } as typeof whoAmI))),
  };
}

const leafPage = {
  connect(urls: readonly string[], tokens: readonly string[], options: object = {}) {
    states = [];
    asked.length = 0;
    let index = 0;
    leaf = connect(urls, {
      getToken: ({ refused }) => {
        if (asked.length < 100) asked.push(refused);
        return tokens[Math.min(index++, tokens.length - 1)]!;
      },
      ...options,
    });
    leaf.state$.subscribe((state) => {
      states.push(state);
      if (states.length > 100) states.shift();
    });
  },
  conform,
  state: now,
  states: () => states,
  asked: () => asked,
  reconnect: () => {
    leaf.reconnect();
  },
  close: () => {
    leaf.close();
  },
  ask: () => firstValueFrom(leaf.request(whoAmI, undefined, { waitForConnect: true })),
  seen: () => firstValueFrom(leaf.request(seen)),
  /** Takes items at `ms` each, for so many items. The result: how far the host was ahead at most. */
  async slowConsumer(ms: number, items: number): Promise<number> {
    let ahead = 0;
    let done = 0;
    await lastValueFrom(
      leaf.stream(endless).pipe(
        consume(
          () =>
            timer(ms).pipe(
              switchMap(() => leaf.request(seen)),
              tap(({ made }) => {
                ahead = Math.max(ahead, made - ++done);
              }),
            ),
          { concurrency: 1 },
        ),
        take(items),
      ),
    );
    return ahead;
  },
  /** Has the host cut the connection so many times, and connects again each time. */
  async reconnects(times: number): Promise<number> {
    for (let round = 0; round < times; round++) {
      await leaf.ready();
      const lost = firstValueFrom(leaf.state$.pipe(filter(({ status }) => status !== 'connected')));
      leaf.request(cut).subscribe({ error: () => undefined });
      await lost;
      leaf.reconnect();
    }
    await leaf.ready();
    return now().connects;
  },
  /** Makes the page say that it is hidden, or shown. A browser without a window has no way to hide one. */
  pretend(visibility: 'hidden' | 'visible'): void {
    Object.defineProperty(document, 'visibilityState', { value: visibility, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  },
};

export type LeafPage = typeof leafPage;
(globalThis as { leafPage?: LeafPage }).leafPage = leafPage;
