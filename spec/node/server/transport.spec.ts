import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { filter, firstValueFrom, lastValueFrom, map, toArray } from 'rxjs';
import { WebSocket } from 'ws';
import { announcedExtensions, connectMessage } from '../../../lib/connection/handshake.js';
import type { GridEvent } from '../../../lib/observe.js';
import type { Manager } from '../../../lib/node/index.js';
import { raw, type } from '../../../lib/codec/codec.js';
import { duplex, unary } from '../../../lib/contract/contract.js';
import { bind } from '../../../lib/handlers/bound.js';
import { timestampFromMs } from '../../../lib/wire/msgpack/timestamp.js';
import { fromCaller, messageOf } from '../../support/protocol/frames.js';
import { freePort, RealGrid, until } from '../../support/real-grid.js';
import { hideUserBuffer } from '../../support/user-buffer.js';

const echo = unary({ id: 1, name: 'echo', request: raw, response: raw });
const digest = unary({ id: 2, name: 'digest', request: raw, response: type<string>() });
const bounce = duplex({ id: 3, name: 'bounce', request: raw, input: raw, output: raw });
const whoAmI = unary({ id: 4, name: 'whoAmI', request: raw, response: type<string>() });
const sink = duplex({ id: 5, name: 'sink', request: raw, input: raw, output: type<number>() });

let grid: RealGrid;
beforeEach(() => {
  grid = new RealGrid();
});
afterEach(async () => {
  await grid.close();
});

function serve(manager: Manager): void {
  manager.handle(echo, (payload) => payload);
  manager.handle(digest, (payload) => sha(payload));
  manager.handle(bounce, (_, call) => call.input);
}

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function payloadOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 2_654_435_761) >>> 13;
  return bytes;
}

describe.each([
  ['auto', 'buffer'],
  ['off', 'buffer'],
  ['auto', 'ws'],
] as const)('payloads, with checksum %s, read by way of %s', (checksum, way) => {
  let restore = (): void => undefined;
  beforeAll(async () => {
    if (way === 'ws') restore = await hideUserBuffer();
  });
  afterAll(() => {
    restore();
  });

  it.each([1, (32 << 10) - 1, 32 << 10, 64 << 10, 1 << 20, 4 << 20])(
    'of %i bytes arrive whole, both ways',
    async (size) => {
      const [a, b] = await grid.pair({ checksum });
      serve(a);
      serve(b);
      const payload = payloadOf(size);
      for (const [near, far] of [
        [a, b],
        [b, a],
      ] as const) {
        const connection = near.connection(far.local);
        await connection.ready();
        expect(await firstValueFrom(connection.request(digest, payload))).toBe(sha(payload));
        expect(sha(await firstValueFrom(connection.request(echo, payload)))).toBe(sha(payload));
      }
    },
  );

  it('of many sizes at once, on streams and calls, are not mixed up', async () => {
    const [a, b] = await grid.pair({ checksum });
    serve(b);
    const connection = a.connection(b.local);
    await connection.ready();
    const payloads = Array.from({ length: 40 }, (_, index) => payloadOf((index * 7_919) % 200_000));
    const bounced = firstValueFrom(connection.exchange(bounce, new Uint8Array(), payloads).pipe(toArray()));
    const echoes = Promise.all(payloads.map((payload) => firstValueFrom(connection.request(echo, payload))));
    const expected = payloads.map(sha);
    expect((await echoes).map(sha)).toStrictEqual(expected);
    expect((await bounced).map(sha)).toStrictEqual(expected);
  });
});

describe('a lost socket', () => {
  it('fails calls in flight as sent, and is dialed again', async () => {
    const host = await grid.server();
    const manager = grid.manager(host.name, [], { leaves: { authenticate: () => 'ann' } });
    const arrived = new Promise<void>((resolve) => {
      manager.handle(whoAmI, () => {
        resolve();
        return new Promise(() => undefined);
      });
    });
    serve(manager);
    await manager.attach(host.server);
    const { leaf } = grid.leaf(host.name);
    const call = firstValueFrom(leaf.request(whoAmI, new Uint8Array()));
    const failed = expect(call).rejects.toMatchObject({ code: 'disconnected', sent: true, retryable: true });
    await arrived;
    for (const socket of host.sockets) socket.resetAndDestroy();
    await failed;
    await until(leaf, 'connected', 2);
    expect(await firstValueFrom(leaf.request(echo, Uint8Array.of(1)))).toStrictEqual(Uint8Array.of(1));
  });

  it('is the result of a message beyond maxMessageBytes, at both ends', async () => {
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, [], {
      leaves: { authenticate: () => 'ann' },
      limits: { maxMessageBytes: 100_000 },
    });
    serve(manager);
    await manager.listen({ address: '127.0.0.1' });
    const { leaf } = grid.leaf(manager.local);
    await leaf.ready();
    const connection = manager.connection('ann');
    const fits = await firstValueFrom(leaf.request(digest, payloadOf(99_000)));
    expect(fits).toBe(sha(payloadOf(99_000)));
    const lost = lastValueFrom(connection.state$);
    await expect(firstValueFrom(leaf.request(digest, payloadOf(100_001)))).rejects.toMatchObject({
      code: 'disconnected',
      sent: true,
      message: expect.stringContaining('1009'),
    });
    expect((await lost).status).toBe('closed');
    await until(leaf, 'connected', 2);
  });
});

describe('a leaf on a real socket', () => {
  it('connects with a token from a function, is called by the host, and reconnects', async () => {
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, [], {
      leaves: {
        authenticate: (token, { origin }) => {
          if (!token.startsWith('good')) throw new Error('no such user');
          return `${token} from ${String(origin)}`;
        },
      },
    });
    manager.handle(whoAmI, (_, call) => call.connection(call.caller).request(whoAmI, new Uint8Array()));
    await manager.listen({ address: '127.0.0.1' });
    const tokens = ['bad', 'good 1', 'good 2'];
    const handlers = [bind(whoAmI, (_, call) => `the leaf of ${call.caller}`)];
    const { leaf, sockets } = grid.leaf(manager.local, {
      token: async () => Promise.resolve(tokens.shift()!),
      handlers,
    });
    expect((await until(leaf, 'refused')).error?.cause).toMatchObject({
      code: 'unauthenticated',
      reason: 'the token is not accepted',
    });
    leaf.reconnect();
    await until(leaf, 'connected', 1);
    expect(await firstValueFrom(leaf.request(whoAmI, new Uint8Array()))).toBe(`the leaf of ${manager.local}`);
    expect(manager.connection('good 1 from undefined').host).toBe('good 1 from undefined');
    sockets.at(-1)!.destroy();
    await until(leaf, 'connected', 2);
    expect(manager.connection('good 2 from undefined').host).toBe('good 2 from undefined');
  });
});

describe('a peer that does not read', () => {
  const maxSendQueueBytes = 1 << 20;
  const chunk = 256 << 10;

  /** A leaf whose host has stopped to read. */
  async function deaf() {
    const host = await grid.server();
    const manager = grid.manager(host.name, [], { leaves: { authenticate: () => 'ann' } });
    serve(manager);
    manager.handle(sink, (_, call) => call.input.pipe(map(({ length }) => length)));
    await manager.attach(host.server);
    const { leaf } = grid.leaf(host.name, { limits: { maxSendQueueBytes } });
    await leaf.ready();
    const [socket] = host.sockets;
    socket!.pause();
    return { leaf, socket: socket!, manager };
  }

  it('makes calls fail at a bound, named in the error; a cancel takes back queued frames', async () => {
    const { leaf, socket } = await deaf();
    const payload = new Uint8Array(chunk);
    const calls: { unsubscribe(): void }[] = [];
    const full = new Promise<unknown>((resolve) => {
      const call = (): void => {
        let failed = false;
        const subscription = leaf.request(echo, payload).subscribe({
          error: (error: unknown) => {
            failed = true;
            resolve(error);
          },
        });
        calls.push(subscription);
        setImmediate(() => {
          if (!failed && calls.length < 1_000) call();
        });
      };
      call();
    });
    expect(await full).toMatchObject({ code: 'limit', limit: 'maxSendQueueBytes' });
    const { queuedBytes } = await firstValueFrom(leaf.stats$);
    expect(queuedBytes).toBeGreaterThan(maxSendQueueBytes - 2 * chunk);
    expect(queuedBytes).toBeLessThanOrEqual(maxSendQueueBytes);
    for (const call of calls) call.unsubscribe();
    expect((await firstValueFrom(leaf.stats$)).queuedBytes).toBe(0);
    expect((await firstValueFrom(leaf.stats$)).openOut).toBe(0);
    socket.resume();
    expect(await firstValueFrom(leaf.request(digest, payload))).toBe(sha(payload));
    expect((await firstValueFrom(leaf.state$)).connects).toBe(1);
  });

  it('holds the input of a stream back', async () => {
    const { leaf, socket } = await deaf();
    let pulled = 0;
    function* chunks(): Generator<Uint8Array> {
      while (pulled < 500) {
        pulled++;
        yield new Uint8Array(chunk);
      }
    }
    const stalls = (await firstValueFrom(leaf.stats$)).creditStalls;
    const done = lastValueFrom(leaf.exchange(sink, new Uint8Array(), chunks), { defaultValue: 0 });
    // The window alone: nothing comes back.
    await new Promise((resolve) => setImmediate(resolve));
    const before = pulled;
    expect(before).toBeLessThan(64);
    expect((await firstValueFrom(leaf.stats$)).queuedBytes).toBeLessThan(maxSendQueueBytes + 2 * chunk);
    socket.resume();
    expect(await done).toBe(chunk);
    expect(pulled).toBe(500);
    expect((await firstValueFrom(leaf.stats$)).creditStalls).toBeGreaterThanOrEqual(stalls);
  });

  it('and calls endlessly loses its connection at the hard limit', async () => {
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, [], {
      leaves: { authenticate: () => 'ann' },
      limits: { maxSendQueueBytes: 64 << 10 },
    });
    await manager.listen({ address: '127.0.0.1' });
    const fault = firstValueFrom(
      manager.events$.pipe(
        filter((event): event is GridEvent & { message: string } => event.type === 'protocol-fault'),
      ),
    );
    const socket = new WebSocket(`${manager.local.replace('http', 'ws')}/minio/grid/v1`);
    grid.closeLater(() => {
      socket.terminate();
    });
    socket.on('error', () => undefined);
    const id = new Uint8Array(16);
    const time = timestampFromMs(Date.now());
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(connectMessage({ id, host: '', token: 'x', time, leaf: true, ext: announcedExtensions('off') }));
    await new Promise((resolve) => socket.once('message', resolve));
    socket.pause();
    // Requests that nobody serves: each is answered with a text.
    const flood = messageOf(Array.from({ length: 500 }, (_, index) => fromCaller.request(index + 1, { handler: 9 })));
    const send = (error?: Error | null): void => {
      if (error === undefined || error === null) setImmediate(() => socket.send(flood, send));
    };
    send();
    expect((await fault).message).toMatch(/^The other side does not read: .* Raise maxSendQueueBytes/);
    await expect(manager.connection('ann').ready()).rejects.toMatchObject({ code: 'disconnected' });
    const { leaf } = grid.leaf(manager.local);
    await leaf.ready();
  });
});

describe('a server that answers the upgrade with HTTP', () => {
  const answering = async (status: string): Promise<string> => {
    const host = await grid.server();
    host.server.on('upgrade', (_, socket) =>
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`),
    );
    return host.name;
  };

  it.each([
    ['403 Forbidden', 'permission-denied'],
    ['401 Unauthorized', 'unauthenticated'],
  ])('rejects the dialer with %s: a specific error, and an event', async (status, code) => {
    const { leaf } = grid.leaf(await answering(status));
    const event = firstValueFrom(leaf.events$);
    expect((await until(leaf, 'refused')).error).toMatchObject({ code });
    expect(await event).toStrictEqual({ type: 'rejected', host: leaf.host, by: 'remote', reason: `HTTP ${status}` });
  });

  it('suggests another path at 404, also of a manager', async () => {
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, []);
    await manager.listen();
    for (const name of [await answering('404 Not Found'), `${manager.local}/ws`]) {
      const { leaf } = grid.leaf(name);
      expect((await until(leaf, 'back-off')).error!.message).toBe(
        `Dialing ${leaf.host} failed: it answered HTTP 404 Not Found: is the grid served at another path?`,
      );
    }
  });
});
