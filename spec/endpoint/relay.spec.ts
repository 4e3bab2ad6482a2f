import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, map, Observable, of, timer, toArray } from 'rxjs';
import { z } from 'zod';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { defineError, ResourceExhaustedError, UnavailableError } from '../../lib/contract/define-error.js';
import { relayRoutes } from '../../lib/contract/relay-routes.js';
import type { RelayRequest } from '../../lib/endpoint/relay.js';
import type { ErrorInfo } from '../../lib/error-info.js';
import { DeadlineExceededError, LimitError, type GridError } from '../../lib/errors.js';
import { monitor, serveMonitor } from '../../lib/monitor/index.js';
import type { GridEvent } from '../../lib/observe.js';
import { consume } from '../../lib/operators/consume.js';
import { gridTest, type Cluster, type GridTestContext } from '../../lib/testing/index.js';

const Full = defineError('full', { data: type<{ limit: number }>(), retryable: true });
const get = unary({
  id: 9,
  name: 'get',
  request: z.object({ disk: z.number() }),
  response: type<string>(),
  errors: [Full],
});
const named = unary({ name: 'named', subroute: 'disk1', response: type<string>() });
const slow = unary({ name: 'slow', response: type<number>() });
const ping = unary({ name: 'ping' });
const watch = duplex({ name: 'watch', request: type<number>(), output: raw, outCapacity: 4 });
const sum = duplex({
  id: 12,
  name: 'sum',
  input: type<number>(),
  output: type<number>(),
  inCapacity: 4,
  outCapacity: 4,
});

/** A leaf at host a, which relays to b and c. */
async function relaying(
  context: GridTestContext,
  use: (leaf: ReturnType<Cluster['leaf']>, grid: Cluster) => Promise<void>,
  authorize: (request: RelayRequest) => boolean | Promise<boolean> = () => true,
): Promise<void> {
  const grid = context.cluster({
    hosts: 3,
    leaves: { authenticate: (token) => token },
    relay: { authorize },
    setup: (manager) => {
      serveMonitor(manager);
    },
  });
  await grid.connected();
  const leaf = grid.leaf('visitor', 'a');
  await leaf.ready();
  await use(leaf, grid);
}

describe('connection.via()', () => {
  it('makes unary calls at a host unknown to the caller: values, schemas, names and metadata', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        const seen: unknown[] = [];
        grid.host('b').handle(get, ({ disk }, call) => {
          seen.push(call.caller, call.callerKind, call.meta.tenant, call.deadline!.getTime() - context.clock.wallNow());
          return `disk ${disk}`;
        });
        grid.host('b').handle(named, () => 'by name');
        grid.host('b').handle(ping, () => undefined);
        const b = leaf.via('http://b');
        expect(b.host).toBe('http://b');
        const options = { meta: { tenant: 'x' }, timeout: 90_000 };
        expect(await lastValueFrom(b.request(get, { disk: 7 }, options))).toBe('disk 7');
        // The target sees a call of the host that relays, with the deadline of the call, not with one of the relay.
        expect(seen).toStrictEqual(['http://a', 'host', 'x', expect.closeTo(90_000, -2)]);
        expect(await lastValueFrom(b.request(named))).toBe('by name');
        expect(await lastValueFrom(b.request(ping).pipe(toArray()))).toStrictEqual([undefined]);
        expect(await firstValueFrom(monitor(b).info$)).toMatchObject({ host: 'http://b' });
        expect(await firstValueFrom(monitor(leaf.via('http://a')).info$)).toMatchObject({ host: 'http://a' });
      }),
    ));

  it('passes errors on: declared classes, invalid arguments, refusals, and an unreachable target', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        grid.host('b').handle(get, ({ disk }) => {
          if (disk === 1) throw new Full('no room', { limit: 3 });
          throw new Error('the password is 1234');
        });
        const failed = (route: typeof get, value: { disk: number }, host = 'http://b') =>
          lastValueFrom(leaf.via(host).request(route, value)).catch((error: unknown) => error);
        const full = await failed(get, { disk: 1 });
        expect(full).toBeInstanceOf(Full);
        expect(full).toMatchObject({ message: 'no room', data: { limit: 3 }, retryable: true, initiator: 'remote' });
        expect(await failed(get, { disk: 'x' as never })).toMatchObject({
          ...{ code: 'invalid-argument', data: { issues: [{ path: ['disk'] }] } },
        });
        // Hosts tell each other texts; a leaf is told none that nobody has declared.
        const internal = await failed(get, { disk: 2 });
        expect(internal).toMatchObject({ code: 'internal' });
        expect((internal as Error).message).not.toContain('1234');
        const overHost = grid.host('c').connection('a').via('http://b');
        await expect(lastValueFrom(overHost.request(get, { disk: 2 }))).rejects.toThrow('the password is 1234');
        expect(await failed(get, { disk: 1 }, 'http://c')).toMatchObject({ code: 'unimplemented', sent: false });
        grid.host('b').crash();
        await context.advance(5_000);
        expect(await failed(get, { disk: 1 })).toMatchObject({ code: 'unavailable', retryable: true, sent: false });
      }),
    ));

  it('hides texts meant for hosts from a leaf, whatever the code; the event at the relay has them', () =>
    gridTest((context) =>
      relaying(
        context,
        async (leaf, grid) => {
          const events: GridEvent[] = [];
          grid.host('a').manager.events$.subscribe((event) => events.push(event));
          grid.host('b').handle(get, ({ disk }, call) => {
            if (disk === 1) return call.connection('http://c').request(get, { disk }, { waitForConnect: false });
            if (disk === 2) throw new LimitError('maxWaitingCalls of http://c: secret', 'maxWaitingCalls');
            if (disk === 3) throw new DeadlineExceededError('secret of the query');
            throw new UnavailableError('secret');
          });
          grid.host('c').crash();
          await context.advance(5_000);
          const failed = (call: Observable<unknown>) =>
            lastValueFrom(call).catch((error: unknown) => error as GridError);
          const b = leaf.via('http://b');
          const found = [];
          for (const disk of [1, 2, 3, 4]) found.push(await failed(b.request(get, { disk })));
          found.push(await failed(leaf.via('http://c').request(get, { disk: 1 })));
          found.push(await failed(leaf.via('http://c').stream(watch, 1)));
          found.push(await failed(b.request(ping)));
          const codes = ['unavailable', 'resource-exhausted', 'deadline-exceeded', 'unavailable', 'unavailable'];
          expect(found.map((error) => (error as GridError).code)).toStrictEqual([...codes, 'unavailable', 'internal']);
          expect(found[1]).toBeInstanceOf(ResourceExhaustedError);
          expect(found[1]).toMatchObject({ data: { limit: 'maxWaitingCalls' } });
          const ids = events.map((event) => (event as { id?: string }).id);
          expect(found.map((error) => (error as GridError).message)).toStrictEqual(
            ids.map((id) => expect.stringContaining(`failed. The host has reported why, under the id ${String(id)}.`)),
          );
          expect(events.map((event) => (event as { error: ErrorInfo }).error.message)).toStrictEqual([
            ...[expect.stringContaining('no connection to http://c'), expect.stringContaining('secret')],
            ...[expect.stringContaining('secret'), expect.stringContaining('secret')],
            ...[
              expect.stringContaining('no connection to http://c'),
              expect.stringContaining('no connection to http://c'),
            ],
            'the directory at 10.0.0.7 does not answer',
          ]);
        },
        ({ name }) => {
          if (name === 'ping') throw new Error('the directory at 10.0.0.7 does not answer');
          return true;
        },
      ),
    ));

  it('passes all texts where the relay exposes errors', () =>
    gridTest(async (context) => {
      const grid = context.cluster({
        hosts: 2,
        exposeErrors: true,
        leaves: { authenticate: (token: string) => token },
        relay: { authorize: () => true },
      });
      await grid.connected();
      grid.host('b').handle(slow, () => {
        throw new Error('the disk is gone');
      });
      const leaf = grid.leaf('visitor', 'a');
      await expect(lastValueFrom(leaf.via('http://b').request(slow))).rejects.toThrow('the disk is gone');
    }));

  it('links credit: the handler is ahead of the consumer by at most the windows of both connections', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        let produced = 0;
        grid.host('b').handle(watch, function* (count) {
          for (; produced < count; produced++) yield Uint8Array.of(produced);
        });
        const got: number[] = [];
        let most = 0;
        const call = leaf
          .via('http://b')
          .stream(watch, 200)
          .pipe(
            consume(([item]) => {
              most = Math.max(most, produced - got.length);
              got.push(item!);
              return timer(10);
            }),
          );
        await lastValueFrom(call);
        expect(got).toStrictEqual(Array.from({ length: 200 }, (_, index) => index));
        expect(most).toBeLessThanOrEqual(4 + 4 + 2);
      }),
    ));

  it('relays inputs, half-closes and ends of streams', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        let released = 0;
        grid.host('b').handle(sum, async function* (_, call) {
          let total = 0;
          for await (const item of call.input) {
            released++;
            yield (total += item);
          }
        });
        const b = leaf.via('http://b');
        expect(await lastValueFrom(b.exchange(sum, undefined as never, () => [1, 2, 3]).pipe(toArray()))).toStrictEqual(
          [1, 3, 6],
        );
        const stream = b.open(sum);
        stream.next(5);
        expect(await firstValueFrom(stream)).toBe(5);
        await context.advance(10);
        released = 0;
        let given = 0;
        let most = 0;
        const numbers = function* () {
          for (; given < 100; given++) {
            most = Math.max(most, given - released);
            yield 1;
          }
        };
        const last = await lastValueFrom(b.exchange(sum, undefined as never, numbers).pipe(consume(() => timer(5))));
        expect(last).toBeDefined();
        expect(released).toBe(100);
        expect(most).toBeLessThan(60);
      }),
    ));

  it('passes on a cancel and a deadline, and the loss of either connection', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        const ended: string[] = [];
        const until = (name: string) => new Observable<never>(() => () => ended.push(name));
        grid.host('b').handle(slow, () => until('unary'));
        grid.host('b').handle(watch, () => until('stream'));
        const b = leaf.via('http://b');
        const call = b.request(slow).subscribe();
        const stream = b.stream(watch, 0).subscribe();
        await context.advance(100);
        call.unsubscribe();
        stream.unsubscribe();
        await context.advance(100);
        expect(ended).toStrictEqual(['unary', 'stream']);
        await expect(lastValueFrom(b.request(slow, undefined, { timeout: 500 }))).rejects.toMatchObject({
          code: 'deadline-exceeded',
        });
        await context.advance(200);
        expect(ended).toHaveLength(3);
        const lost = lastValueFrom(b.stream(watch, 0)).catch((error: unknown) => error);
        await context.advance(100);
        grid.cable('a', 'b').cut('cut');
        expect(await lost).toMatchObject({ retryable: true, code: 'unavailable' });
        await context.advance(3_000);
        const again = lastValueFrom(b.stream(watch, 0)).catch((error: unknown) => error);
        await context.advance(100);
        leaf.close();
        expect(await again).toMatchObject({ code: 'disconnected' });
        await context.advance(200);
        expect(ended).toHaveLength(5);
        expect(await firstValueFrom(grid.host('a').manager.streams$)).toMatchObject({ open: 0 });
      }),
    ));

  it('asks who may call what; anything but true refuses, and so does an error', () => {
    const asked: RelayRequest[] = [];
    return gridTest((context) =>
      relaying(
        context,
        async (leaf, grid) => {
          grid.host('b').handle(named, () => 'x');
          grid.host('b').handle(get, () => 'x');
          const code = (call: Observable<unknown>) =>
            lastValueFrom(call).then(
              () => 'ok',
              (error: unknown) => (error as { code: string }).code,
            );
          const b = leaf.via('http://b');
          const calls = [
            b.request(named, undefined, { meta: { k: 'v' } }),
            b.request(get, { disk: 1 }),
            b.stream(watch, 1),
          ];
          const codes: string[] = [];
          for (const call of calls) codes.push(await code(call));
          expect(codes).toStrictEqual(['ok', 'permission-denied', 'internal']);
          const who = { caller: 'visitor', callerKind: 'leaf', host: 'http://b' };
          expect(asked.map((request) => ({ ...request, meta: { ...request.meta } }))).toStrictEqual([
            { ...who, kind: 'unary', id: undefined, name: 'named/disk1', subroute: undefined, meta: { k: 'v' } },
            { ...who, kind: 'unary', id: 9, name: undefined, subroute: undefined, meta: {} },
            { ...who, kind: 'duplex', id: undefined, name: 'watch', subroute: undefined, meta: {} },
          ]);
        },
        (request) => {
          asked.push(request);
          if (request.kind === 'duplex') throw new Error('no directory');
          return (request.id === undefined ? true : 'yes') as boolean;
        },
      ),
    );
  });

  it('is off by default, and says how to enable it', () =>
    gridTest(async ({ cluster }) => {
      const grid = cluster(3);
      await grid.connected();
      const call = lastValueFrom(grid.host('a').connection('b').via('http://c').request(ping));
      await expect(call).rejects.toThrow(/Give its Manager the option relay: \{ authorize \}/);
      expect(() => cluster({ hosts: 1, relay: {} as never })).toThrow('relay needs authorize');
    }));

  it('ends cycles with an error: back to the caller, and through two relays', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        const ab = grid.host('a').connection('b');
        await expect(lastValueFrom(ab.via('http://a').request(ping))).rejects.toThrow(
          'The call of http://a via http://b leads back to http://a. Call its own handlers directly.',
        );
        expect(() => leaf.via('http://b').via('http://c')).toThrow(/would be relayed twice/);
        expect(() => leaf.via('')).toThrow('via() needs the name of a host');
        // One that does not keep to it: a relay within a relay.
        const nested = { ...unary({ name: 'nested', request: raw, response: raw }), id: relayRoutes.unary.id };
        const inner = relayRoutes.unary.request.encode({
          ...{ host: 'http://a', handler: 9, path: undefined, outWindow: undefined, hasInput: false },
          request: new Uint8Array(0),
        });
        await expect(lastValueFrom(leaf.via('http://b').request(nested, inner))).rejects.toThrow(
          'The call to http://b via http://a would be relayed again.',
        );
        await expect(lastValueFrom(leaf.via('http://nowhere').request(ping))).rejects.toThrow(
          'http://a knows no host http://nowhere.',
        );
      }),
    ));

  it('refuses malformed headers: the caller is informed, and the connection stays', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        const events: unknown[] = [];
        grid.host('a').manager.events$.subscribe((event) => events.push(event));
        const bytes = [[], [0], [0, 9, 1], [0, 1, 0x80], [0, 1, 0xc0], [0xff, 0xff], [0, 4, 0x81, 0xa1, 0x74, 0x01]];
        const valid = relayRoutes.unary.request.encode({
          ...{ host: 'http://b', handler: 300, path: undefined, outWindow: undefined, hasInput: false },
          request: new Uint8Array(0),
        });
        for (const payload of [...bytes.map((each) => Uint8Array.from(each)), valid]) {
          const route = { ...unary({ name: 'x', request: raw, response: raw }), id: relayRoutes.unary.id };
          await expect(lastValueFrom(leaf.request(route, payload))).rejects.toMatchObject({ code: 'invalid-argument' });
          const stream = { ...duplex({ name: 'x', request: raw, output: raw }), id: relayRoutes.duplex.id };
          await expect(lastValueFrom(leaf.stream(stream, payload))).rejects.toMatchObject({ code: 'invalid-argument' });
        }
        const odd = relayRoutes.duplex.request.encode({
          ...{ host: 'http://b', handler: 255, path: 'watch', hasInput: false, request: Uint8Array.of(1) },
          outWindow: { initial: 0, max: 2 ** 50, maxBytes: 0 },
        });
        grid.host('b').handle(watch, () => of(Uint8Array.of(1), Uint8Array.of(2)));
        const stream = { ...duplex({ name: 'x', request: raw, output: raw }), id: relayRoutes.duplex.id };
        expect(await lastValueFrom(leaf.stream(stream, odd).pipe(toArray()))).toHaveLength(2);
        expect(events).toStrictEqual([]);
      }),
    ));

  it('carries many calls at once, each with its own answer', () =>
    gridTest((context) =>
      relaying(context, async (leaf, grid) => {
        const echo = unary({ name: 'echo', request: type<number>(), response: type<number>() });
        grid.host('b').handle(echo, (value) => timer(value % 7).pipe(map(() => value)));
        const b = leaf.via('http://b');
        const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => lastValueFrom(b.request(echo, i))));
        expect(answers).toStrictEqual(Array.from({ length: 500 }, (_, i) => i));
      }),
    ));
});
