import { describe, expect, it } from '@jest/globals';
import { concat, lastValueFrom, of, throwError, type Observable } from 'rxjs';
import { type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { defineError, PermissionDeniedError } from '../../lib/contract/define-error.js';
import type { GridError } from '../../lib/errors.js';
import type { GridEvent } from '../../lib/observe.js';
import { gridTest, type Cluster, type GridTestContext } from '../../lib/testing/index.js';

const Full = defineError('full', { data: type<{ limit: number }>() });
const Hidden = defineError('hidden');
const get = unary({ id: 1, name: 'get', request: type<string>(), response: type<string>(), errors: [Full] });
const list = duplex({ id: 2, name: 'list', request: type<string>(), output: type<string>(), errors: [Full] });

const secret = 'the password of postgres://10.0.0.7 is 1234';

/** Errors of the handlers of host a, by the request. */
const thrown: Readonly<Record<string, () => Error>> = {
  bug: () => new Error(secret),
  full: () => new Full('no room', { limit: 3 }),
  hidden: () => new Hidden('of another contract'),
  denied: () => new PermissionDeniedError('not you'),
};

async function scene(context: GridTestContext, options: { exposeErrors?: boolean } = {}) {
  const grid: Cluster = context.cluster({ hosts: 2, leaves: { authenticate: (token: string) => token }, ...options });
  const { manager } = grid.host('a');
  manager.handle(get, (what) => {
    throw thrown[what]!();
  });
  manager.handle(list, (what) => concat(of('first'), throwError(thrown[what]!)));
  const events: GridEvent[] = [];
  manager.events$.subscribe((event) => {
    if (event.type === 'handler-error') events.push(event);
  });
  await grid.connected();
  const leaf = grid.leaf('visitor', 'a');
  await leaf.ready();
  const failed = (call: Observable<unknown>): Promise<GridError> =>
    lastValueFrom(call).then(
      () => {
        throw new Error('it was answered');
      },
      (error: unknown) => error as GridError,
    );
  return { leaf, host: grid.host('b').connection('a'), events, failed };
}

describe('an error in a handler', () => {
  it('that is undeclared: a host gets its text, a leaf an id that is also in the event', () =>
    gridTest(async (context) => {
      const { leaf, host, events, failed } = await scene(context);
      for (const connection of [host, leaf]) {
        for (const call of [connection.request(get, 'bug'), connection.stream(list, 'bug')]) {
          const { message, code } = await failed(call);
          const event = events.at(-1) as GridEvent & { id?: string; error: { message: string } };
          expect(code).toBe('internal');
          expect(event.error.message).toBe(secret);
          if (connection === host) expect([message, event.id]).toStrictEqual([secret, undefined]);
          else {
            expect(event.id).toMatch(/^[0-9a-f]{16}$/);
            expect(message).toBe(`The handler failed. The host has reported why, under the id ${event.id!}.`);
          }
        }
      }
      const ids = new Set(events.map((event) => (event as { id?: string }).id));
      expect([events.length, ids.size]).toStrictEqual([4, 3]);
    }));

  it('that is undeclared: a leaf gets its text with exposeErrors', () =>
    gridTest(async (context) => {
      const { leaf, events, failed } = await scene(context, { exposeErrors: true });
      for (const call of [leaf.request(get, 'bug'), leaf.stream(list, 'bug')]) {
        expect(await failed(call)).toMatchObject({ code: 'internal', message: secret });
      }
      expect(events).toHaveLength(2);
      for (const event of events) expect(event).not.toHaveProperty('id');
    }));

  it('that is declared reaches leaves and hosts alike; an undeclared one is an event', () =>
    gridTest(async (context) => {
      const { leaf, host, events, failed } = await scene(context);
      for (const connection of [host, leaf]) {
        expect(await failed(connection.request(get, 'full'))).toBeInstanceOf(Full);
        expect(await failed(connection.stream(list, 'denied'))).toBeInstanceOf(PermissionDeniedError);
        expect(events).toStrictEqual([]);
        expect(await failed(connection.request(get, 'hidden'))).toMatchObject({
          ...{ code: 'hidden', message: 'of another contract' },
        });
        expect(events.splice(0)).toMatchObject([{ type: 'handler-error', route: 'get' }]);
      }
    }));
});
