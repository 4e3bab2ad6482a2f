import { describe, expect, it } from '@jest/globals';
import {
  BehaviorSubject,
  concat,
  firstValueFrom,
  from,
  ignoreElements,
  interval,
  map,
  NEVER,
  takeUntil,
  type Observable,
} from 'rxjs';
import { connect } from '../../lib/endpoint/leaves/leaf.js';
import { defaultPath } from '../../lib/endpoint/host-name.js';
import { duplex, DisconnectedError, retryOnDisconnect, type, unary, type Manager } from '../../lib/index.js';
import { decodeDrainNotice } from '../../lib/wire/payloads/control.js';
import { Op } from '../../lib/wire/ops.js';
import { all, hostA, hostB, LinkedManagers, PairOfEachTest, record } from '../support/linked-managers.js';
import { collectUnhandled } from '../support/unhandled.js';

const work = unary({ id: 20, name: 'work', request: type<number>(), response: type<string>() });
const relay = unary({ id: 21, name: 'relay', request: type<number>(), response: type<string>() });
const watch = duplex({ id: 22, name: 'watch', output: type<number>() });
const upload = duplex({ id: 23, name: 'upload', input: type<number>(), output: type<number>() });

const pair = new PairOfEachTest();
const unhandled = collectUnhandled();

/** `work` takes the given number of ms of virtual time; `runs` counts its handlers. */
let runs = 0;
function serve(manager: Manager): void {
  runs = 0;
  manager.handle(work, (ms) => {
    runs++;
    return pair.grid.timer(ms).pipe(map(() => `${String(ms)} ms`));
  });
}

const statusOf = async (source: Observable<{ readonly status: string }>): Promise<string> =>
  (await firstValueFrom(source)).status;

const link = (): Promise<void> =>
  pair.link(({ a, b }) => {
    serve(b);
    a.handle(work, (ms) => pair.grid.timer(ms).pipe(map(() => `a ${String(ms)} ms`)));
  });

describe('a draining host', () => {
  it('lets running calls finish, refuses new ones, and closes', async () => {
    await link();
    const running = record(pair.ab.request(work, 300));
    await pair.grid.settle();
    const drained = record(from(pair.b.drain({ reason: 'a new version' })));
    await pair.grid.advance(20);
    expect(await firstValueFrom(pair.ab.state$)).toMatchObject({ status: 'draining', reason: 'a new version' });
    const late = record(pair.ab.request(work, 1));
    await pair.grid.advance(10);
    expect(late.log).toStrictEqual([expect.any(DisconnectedError)]);
    expect(late.log[0]).toMatchObject({ code: 'unavailable', sent: false, retryable: true, host: hostB });
    expect((late.log[0] as Error).message).toContain('a new version');
    expect(running.log).toStrictEqual([]);
    expect(drained.log).toStrictEqual([]);
    await pair.grid.advance(300, 10);
    expect(running.log).toStrictEqual(['300 ms', 'done']);
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
    expect(await statusOf(pair.ba.state$)).toBe('closed');
    expect(['connecting', 'back-off']).toContain(await statusOf(pair.ab.state$));
    expect(runs).toBe(1);
  });

  it('announces that it has answered all, but not to a peer without the extension', async () => {
    await link();
    const notices: unknown[] = [];
    pair.ab.frames$.subscribe(({ frame }) => {
      if (frame.op === Op.Disconnect) notices.push(decodeDrainNotice(frame.payload));
    });
    pair.ab.request(work, 100).subscribe();
    await pair.grid.settle();
    void pair.b.drain({ timeout: 500 });
    await pair.grid.advance(200, 10);
    expect(notices).toStrictEqual([
      { reason: 'it is shutting down', ms: 500 },
      { reason: 'it is shutting down', ms: 0 },
    ]);
  });

  it('closes at once when it is idle', async () => {
    await link();
    const drained = record(from(pair.b.drain()));
    await pair.grid.settle();
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
  });

  it('aborts and counts running calls when its time is over', async () => {
    await link();
    const slow = record(pair.ab.request(work, 5_000));
    await pair.grid.settle();
    const drained = record(from(pair.b.drain({ timeout: 200 })));
    await pair.grid.advance(300, 10);
    expect(drained.log).toStrictEqual([{ interrupted: 1 }, 'done']);
    // Its handler has run: nobody may say otherwise.
    expect(slow.log).toStrictEqual([expect.any(DisconnectedError)]);
    expect(slow.log[0]).toMatchObject({ sent: true });
  });

  it('never began calls without an answer: such a call is safe to repeat', async () => {
    await link();
    pair.ab.request(work, 50).subscribe();
    await pair.grid.settle();
    void pair.b.drain();
    // The call leaves while the last word is on its way.
    const crossing = record(pair.ab.request(work, 7));
    await pair.grid.advance(100, 10);
    expect(crossing.log).toStrictEqual([expect.objectContaining({ sent: false, retryable: true })]);
    expect(runs).toBe(1);
  });

  it('sends no final notice to a caller whose call it left unanswered', async () => {
    await pair.link(({ b }) => {
      // Its own timer is late: nothing of it runs while the event loop of the caller stands still.
      b.handle(work, (ms) => pair.grid.timer(ms).pipe(map(() => 'late')));
    });
    const last: number[] = [];
    pair.ab.frames$.subscribe(({ frame }) => {
      if (frame.op === Op.Disconnect) last.push(decodeDrainNotice(frame.payload).ms);
    });
    pair.ab.request(work, 5_000, { timeout: 50 }).subscribe({ error: () => undefined });
    await pair.grid.settle();
    void pair.b.drain({ timeout: 1_000 });
    await pair.grid.advance(500, 10);
    expect(last).toStrictEqual([1_000]);
    expect(await statusOf(pair.ba.state$)).toBe('closed');
  });

  it('can still call others while its handlers run', async () => {
    await pair.link(({ a, b }) => {
      a.handle(work, (ms) => pair.grid.timer(ms).pipe(map(() => 'from a')));
      b.handle(relay, (ms, call) =>
        concat(pair.grid.timer(ms).pipe(ignoreElements()), call.connection(hostA).request(work, ms)),
      );
    });
    const relayed = record(pair.ab.request(relay, 50));
    await pair.grid.settle();
    const drained = record(from(pair.b.drain()));
    await pair.grid.advance(200, 10);
    expect(relayed.log).toStrictEqual(['from a', 'done']);
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
  });

  it('waits for its own requests, but not for streams that it subscribed to', async () => {
    await pair.link(({ a }) => {
      a.handle(work, (ms) => pair.grid.timer(ms).pipe(map(() => 'from a')));
      a.handle(watch, () => NEVER);
    });
    const own = record(pair.ba.request(work, 80));
    const watched = record(pair.ba.stream(watch));
    await pair.grid.settle();
    const drained = record(from(pair.b.drain()));
    await pair.grid.advance(40, 10);
    // Its handlers are done: it begins nothing new.
    const more = record(pair.ba.request(work, 1));
    await pair.grid.advance(60, 10);
    expect(own.log).toStrictEqual(['from a', 'done']);
    expect(more.log).toStrictEqual([expect.objectContaining({ code: 'unavailable', sent: false })]);
    expect(watched.log).toStrictEqual([expect.any(DisconnectedError)]);
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
  });

  it('waits for a handler that outlives its call', async () => {
    let release!: () => void;
    await pair.link(({ b }) => {
      b.handle(work, () => new Promise<string>((resolve) => (release = () => resolve('late'))));
    });
    const call = record(pair.ab.request(work, 1));
    await pair.grid.settle();
    call.unsubscribe();
    await pair.grid.settle();
    const drained = record(from(pair.b.drain()));
    await pair.grid.advance(100, 10);
    expect(drained.log).toStrictEqual([]);
    release();
    await pair.grid.advance(20, 10);
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
  });

  it('delivers the items of a stream, and reads its input to the end', async () => {
    await pair.link(({ b }) => {
      b.handle(upload, (_, call) => call.input);
    });
    const input = Array.from({ length: 500 }, (_, index) => index);
    const output = all(pair.ab.exchange(upload, undefined, input));
    await pair.grid.settle();
    const drained = record(from(pair.b.drain()));
    await pair.grid.advance(200, 10);
    expect(await output).toStrictEqual(input);
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
  });

  it('notifies handlers whose streams do not end by themselves', async () => {
    await pair.link(({ b }) => {
      b.handle(watch, () => interval(1_000_000).pipe(takeUntil(b.draining$)));
    });
    const watched = record(pair.ab.stream(watch));
    await pair.grid.settle();
    const reasons = record(pair.b.draining$);
    const drained = record(from(pair.b.drain({ reason: 'maintenance' })));
    await pair.grid.advance(50, 10);
    expect(watched.log).toStrictEqual(['done']);
    expect(reasons.log).toStrictEqual(['maintenance', 'done']);
    expect(record(pair.b.draining$).log).toStrictEqual(['maintenance', 'done']);
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
  });

  it('can be drained twice: both calls get the same result, and the shorter time counts', async () => {
    await link();
    pair.ab.request(work, 5_000).subscribe({ error: () => undefined });
    await pair.grid.settle();
    const first = record(from(pair.b.drain({ timeout: 10_000 })));
    const second = record(from(pair.b.drain({ timeout: 100 })));
    const third = record(from(pair.b.drain({ timeout: 60_000 })));
    await pair.grid.advance(120, 10);
    for (const { log } of [first, second, third]) expect(log).toStrictEqual([{ interrupted: 1 }, 'done']);
    const afterwards = record(from(pair.b.drain()));
    await pair.grid.settle();
    expect(afterwards.log).toStrictEqual([{ interrupted: 1 }, 'done']);
  });

  it('stops with close(), which aborts running calls', async () => {
    await link();
    pair.ab.request(work, 5_000).subscribe({ error: () => undefined });
    await pair.grid.settle();
    const drained = record(from(pair.b.drain()));
    await pair.b.close();
    await pair.grid.settle();
    expect(drained.log).toStrictEqual([{ interrupted: 1 }, 'done']);
  });

  it('leaves no timer where a subscriber of draining$ closes the host', async () => {
    await pair.link(({ b }) => {
      // Runs on after its call, so that there is something to wait for.
      b.handle(work, () => new Promise<string>(() => undefined));
    });
    pair.ab.request(work, 300).subscribe({ error: () => undefined });
    await pair.grid.settle();
    pair.b.draining$.subscribe(() => void pair.b.close());
    const drained = record(from(pair.b.drain({ timeout: 60_000 })));
    await pair.a.close();
    await pair.grid.settle();
    expect(drained.log).toStrictEqual([{ interrupted: 1 }, 'done']);
    expect(pair.grid.time.scheduled).toBe(0);
  });

  it('closes at once where it was never started', async () => {
    await link();
    const lone = pair.grid.add('http://c:1', []);
    expect(await lone.drain()).toStrictEqual({ interrupted: 0 });
    expect(() => lone.connection('http://c:1')).not.toThrow();
  });

  it('accepts no connections', async () => {
    // A handler that runs on keeps it from its end.
    await pair.link(({ b }) => {
      b.handle(work, () => new Promise<string>(() => undefined));
    });
    pair.ab.request(work, 300).subscribe({ error: () => undefined });
    await pair.grid.settle();
    void pair.b.drain();
    pair.grid.cut();
    await pair.grid.advance(2_000, 10);
    expect(pair.grid.events).toContainEqual(
      expect.objectContaining({ type: 'rejected', reason: expect.stringContaining('drains and takes no connections') }),
    );
  });

  it('rejects invalid options', async () => {
    await link();
    await expect(pair.b.drain({ timeout: -1 })).rejects.toThrow(/timeout must be a number of ms/);
    await expect(pair.b.drain({ after: 1 } as never)).rejects.toThrow(/has no option after/);
    await expect(pair.b.drain(null as never)).rejects.toMatchObject({ code: 'configuration' });
    expect(await statusOf(pair.ab.state$)).toBe('connected');
  });

  it('is not blocked by subscribers that throw', async () => {
    await link();
    pair.ab.state$.subscribe(({ status }) => {
      if (status === 'draining') throw new Error('state');
    });
    pair.b.draining$.subscribe(() => {
      throw new Error('draining');
    });
    const running = record(pair.ab.request(work, 50));
    await pair.grid.settle();
    const drained = record(from(pair.b.drain()));
    await pair.grid.advance(100, 10);
    expect(running.log).toStrictEqual(['50 ms', 'done']);
    expect(drained.log).toStrictEqual([{ interrupted: 0 }, 'done']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled.map(String).sort()).toStrictEqual(['Error: draining', 'Error: state']);
  });
});

describe('the callers of a draining host', () => {
  it('repeat calls that were not begun when it is back', async () => {
    await link();
    pair.ab.request(work, 100).subscribe();
    await pair.grid.settle();
    void pair.b.drain();
    await pair.grid.advance(20, 10);
    const retried = record(pair.ab.request(work, 1).pipe(retryOnDisconnect()));
    const waiting = record(pair.ab.request(work, 2, { waitForConnect: true }));
    await pair.grid.advance(200, 10);
    expect([retried.log, waiting.log]).toStrictEqual([[], []]);
    pair.grid.managers.delete(hostB);
    const next = pair.grid.add(hostB, [hostA, hostB]);
    serve(next);
    await next.start();
    await pair.grid.advance(5_000, 50);
    expect(retried.log).toStrictEqual(['1 ms', 'done']);
    expect(waiting.log).toStrictEqual(['2 ms', 'done']);
    expect(await statusOf(pair.ab.state$)).toBe('connected');
  });

  it('may be leaves', async () => {
    await pair.link(({ b }) => serve(b), { leaves: { authenticate: () => 'leaf' } });
    const leaf = connect(`ws://b:1${defaultPath}`, { token: 'x', runtime: pair.grid.time, dial: pair.grid.dial });
    const running = record(leaf.request(work, 100));
    await pair.grid.advance(50, 10);
    void pair.b.drain();
    await pair.grid.advance(20, 10);
    expect(await statusOf(leaf.state$)).toBe('draining');
    await pair.grid.advance(100, 10);
    expect(running.log).toStrictEqual(['100 ms', 'done']);
    leaf.close();
  });
});

describe('a host that is removed from the list', () => {
  const hosts = (): { lists: BehaviorSubject<string[]>; grid: LinkedManagers; a: Manager; b: Manager } => {
    const grid = new LinkedManagers();
    const lists = new BehaviorSubject([hostA, hostB]);
    const a = grid.add(hostA, [], { hosts: lists });
    const b = grid.add(hostB, [hostA, hostB]);
    return { lists, grid, a, b };
  };

  it('is drained: calls in both directions end, and new ones are not begun', async () => {
    const { lists, grid, a, b } = hosts();
    for (const manager of [a, b]) {
      manager.handle(work, (ms) => grid.timer(ms).pipe(map(() => `${manager.local} ${String(ms)}`)));
    }
    await grid.start();
    const ab = a.connection(hostB);
    const ba = b.connection(hostA);
    const out = record(ab.request(work, 100));
    const back = record(ba.request(work, 200));
    await grid.settle();
    lists.next([hostA]);
    await grid.advance(20, 10);
    expect(() => a.connection(hostB)).toThrow(/no host of this cluster/);
    const more = [record(ab.request(work, 1)), record(ba.request(work, 1))];
    await grid.advance(20, 10);
    for (const { log } of more)
      expect(log).toStrictEqual([expect.objectContaining({ code: 'unavailable', sent: false })]);
    await grid.advance(200, 10);
    expect(out.log).toStrictEqual([`${hostB} 100`, 'done']);
    expect(back.log).toStrictEqual([`${hostA} 200`, 'done']);
    expect(await statusOf(ab.state$)).toBe('closed');
    await grid.close();
  });

  it('is disconnected after a while, where its calls do not end', async () => {
    const { lists, grid, a, b } = hosts();
    b.handle(watch, () => NEVER);
    await grid.start();
    const ab = a.connection(hostB);
    const watched = record(ab.stream(watch));
    await grid.settle();
    lists.next([hostA]);
    await grid.advance(29_000, 1_000);
    expect(watched.log).toStrictEqual([]);
    await grid.advance(2_000, 1_000);
    expect(watched.log).toStrictEqual([expect.any(DisconnectedError)]);
    await grid.close();
  });

  it('is reconnected when it is back in the list, after its calls have ended', async () => {
    const { lists, grid, a, b } = hosts();
    b.handle(work, (ms) => grid.timer(ms).pipe(map(() => 'done')));
    await grid.start();
    const before = record(a.connection(hostB).request(work, 500));
    await grid.settle();
    lists.next([hostA]);
    lists.next([hostA, hostB]);
    const after = record(a.connection(hostB).request(work, 1, { waitForConnect: true }));
    await grid.advance(400, 10);
    expect([before.log, after.log]).toStrictEqual([[], []]);
    await grid.advance(5_000, 50);
    expect(before.log).toStrictEqual(['done', 'done']);
    expect(after.log).toStrictEqual(['done', 'done']);
    await grid.close();
  });

  it('is closed with the other hosts, even while draining', async () => {
    const { lists, grid, a, b } = hosts();
    b.handle(watch, () => NEVER);
    await grid.start();
    const watched = record(a.connection(hostB).stream(watch));
    await grid.settle();
    lists.next([hostA]);
    lists.next([hostA, hostB]);
    await grid.close();
    await grid.advance(60_000, 1_000);
    expect(watched.log).toStrictEqual([expect.any(DisconnectedError)]);
    expect(grid.time.scheduled).toBe(0);
  });
});
