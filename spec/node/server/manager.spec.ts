import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { firstValueFrom, NEVER, Observable, toArray } from 'rxjs';
import { consume, GridError, staticToken } from '../../../lib/index.js';
import { connect, Manager as NodeManager, type Manager } from '../../../lib/node/index.js';
import { raw, type } from '../../../lib/codec/codec.js';
import { duplex, unary } from '../../../lib/contract/contract.js';
import { record } from '../../support/linked-managers.js';
import { freePort, http, RealGrid, until } from '../../support/real-grid.js';

const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });
const count = duplex({ id: 2, name: 'count', request: type<number>(), output: type<number>() });
const nothing = new Uint8Array();

const read = (name: string): string => readFileSync(`spec/support/tls/${name}.pem`, 'utf8');
const tls = { key: read('key'), cert: read('cert'), ca: read('cert') };

let grid: RealGrid;
beforeEach(() => {
  grid = new RealGrid();
});
afterEach(async () => {
  await grid.close();
});

function serve(manager: Manager): Manager {
  manager.handle(whoAmI, (_, call) => `${call.caller} at ${manager.local}`);
  manager.handle(count, (to) => Array.from({ length: to }, (_, index) => index));
  return manager;
}

async function ask(from: Manager, to: Manager): Promise<string> {
  await from.connection(to.local).ready();
  return firstValueFrom(from.connection(to.local).request(whoAmI, nothing));
}

describe('listen()', () => {
  it('serves the path at the port of the local name, and links both ways over one socket', async () => {
    const [a, b] = await grid.pair();
    serve(a);
    serve(b);
    expect(await Promise.all([ask(a, b), ask(b, a), ask(a, a)])).toStrictEqual([
      `${a.local} at ${b.local}`,
      `${b.local} at ${a.local}`,
      `${a.local} at ${a.local}`,
    ]);
    const items = await firstValueFrom(a.connection(b.local).stream(count, 1_000).pipe(toArray()));
    expect(items.length).toBe(1_000);
    const { hosts } = await firstValueFrom(a.cluster$);
    expect(hosts).toMatchObject([{ host: b.local, status: 'connected', connects: 1 }]);
    expect((await firstValueFrom(a.connection(b.local).stats$)).rtt).toBeGreaterThanOrEqual(0);
  });

  it('answers plain HTTP: 426 with a clear text on its path, 404 elsewhere', async () => {
    const [a] = await grid.pair();
    const own = await http(`${a.local}/minio/grid/v1?x=1`);
    expect(own.status).toBe(426);
    expect(own.headers).toMatchObject({ upgrade: 'websocket', 'content-type': 'text/plain; charset=utf-8' });
    expect(own.body).toBe(
      'This path is a grid: it speaks WebSocket only. Connect to it with rxgrid, or with a WebSocket client.\n',
    );
    expect((await http(`${a.local}/`)).status).toBe(404);
    expect((await http(`${a.local}/minio/grid/v1/`, { upgrade: true })).status).toBe(404);
    expect((await http(`${a.local}/minio/grid/v1`, { upgrade: true })).status).toBe(101);
  });

  it('listens at another address where the option is given', async () => {
    const [named, port] = await Promise.all([freePort(), freePort()]);
    const manager = grid.manager(`http://127.0.0.1:${named}`, []);
    await manager.listen({ port, address: '127.0.0.1' });
    expect((await http(`http://127.0.0.1:${port}/minio/grid/v1`)).status).toBe(426);
    await expect(http(`${manager.local}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('closes a connection that sends no request within handshakeTimeout', async () => {
    const local = `http://127.0.0.1:${await freePort()}`;
    const manager = grid.manager(local, [], { limits: { handshakeTimeout: 100 } });
    await manager.listen({ address: '127.0.0.1' });
    const [silent, slow] = [0, 1].map(() => connectTcp({ port: Number(new URL(local).port), host: '127.0.0.1' }));
    slow!.write('GET /minio/grid/v1 HTTP/1.1\r\n');
    const closed = [silent!, slow!].map((socket) => once(socket.resume(), 'close'));
    // The server ends them, without an error.
    expect(await Promise.all(closed)).toStrictEqual([[false], [false]]);
  });

  it.each(['http', 'https'])(
    'holds maxHandshakes %s connections that send no request: the oldest is dropped',
    async (scheme) => {
      const local = `${scheme}://127.0.0.1:${await freePort()}`;
      const manager = serve(
        grid.manager(local, [], { limits: { maxHandshakes: 3 }, tls, leaves: { authenticate: (token) => token } }),
      );
      await manager.listen();
      const closed: number[] = [];
      const sockets: Socket[] = [];
      for (let index = 0; index < 8; index++) {
        const socket = connectTcp({ port: Number(new URL(local).port), host: '127.0.0.1' });
        grid.closeLater(() => socket.destroy());
        socket.on('close', () => closed.push(index)).on('error', () => undefined);
        await once(socket, 'connect');
        sockets.push(socket);
      }
      await Promise.all(sockets.slice(0, 5).map(async (socket) => socket.closed || once(socket, 'close')));
      expect(closed.sort()).toStrictEqual([0, 1, 2, 3, 4]);
      // Who asks gets in, and what has asked is no longer in the pool.
      const leaf = connect(local, { token: 'leaf', tls });
      grid.closeLater(() => {
        leaf.close();
      });
      await leaf.ready();
      expect(await firstValueFrom(leaf.request(whoAmI, nothing))).toBe(`leaf at ${local}`);
    },
  );

  it('closes a TLS connection that sends no hello within handshakeTimeout', async () => {
    const local = `https://127.0.0.1:${await freePort()}`;
    await grid.manager(local, [], { limits: { handshakeTimeout: 100 }, tls }).listen();
    const socket = connectTcp({ port: Number(new URL(local).port), host: '127.0.0.1' });
    expect(await once(socket.resume(), 'close')).toStrictEqual([false]);
  });

  it('fails with the error of the system where the port is in use, and can be retried', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    grid.closeLater(() => new Promise((resolve) => taken.close(resolve)));
    const { port } = taken.address() as AddressInfo;
    const manager = grid.manager(`http://127.0.0.1:${port}`, []);
    serve(manager);
    await expect(manager.listen({ address: '127.0.0.1' })).rejects.toBeInstanceOf(GridError);
    await expect(manager.listen({ address: '127.0.0.1' })).rejects.toMatchObject({
      name: 'ListenError',
      code: 'EADDRINUSE',
      sent: false,
      cause: { code: 'EADDRINUSE' },
      message: `${manager.local} cannot listen: port ${port} is in use. Stop the other process, or give listen({ port }) another one.`,
    });
    await expect(manager.connection(manager.local).ready()).rejects.toThrow('is not started: call listen()');
    const listens = manager.listen({ address: '127.0.0.1', port: await freePort() });
    // Calls wait from here on.
    const answer = firstValueFrom(manager.connection(manager.local).request(whoAmI, nothing));
    await listens;
    expect(await answer).toBe(`${manager.local} at ${manager.local}`);
  });

  it.each([
    [
      '203.0.113.1',
      'EADDRNOTAVAIL',
      /the address 203\.0\.113\.1 is not of this machine\. Give listen\(\{ address \}\)/,
    ],
    ['no-such-host.invalid', /^(ENOTFOUND|EAI_AGAIN)$/, /no-such-host.*see listen\(\{ port, address \}\)\.$/],
  ])('fails with a GridError where it cannot listen at %s', async (address, code, message) => {
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, []);
    await expect(manager.listen({ address })).rejects.toMatchObject({
      name: 'ListenError',
      code: typeof code === 'string' ? code : expect.stringMatching(code),
      message: expect.stringMatching(message),
    });
  });

  it('listens once', async () => {
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, []);
    await manager.listen();
    await expect(manager.listen()).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(`The manager of ${manager.local} listens already`),
    });
    expect((await http(`${manager.local}/minio/grid/v1`)).status).toBe(426);
  });

  it('is reachable only from this machine where its name is a loopback address', async () => {
    const port = await freePort();
    await grid.manager(`http://127.0.0.1:${port}`, []).listen();
    // The rest of 127.0.0.0/8 is this machine, too, and would be served where all interfaces are.
    await expect(http(`http://127.0.0.2:${port}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('needs a certificate for https', async () => {
    const manager = grid.manager('https://127.0.0.1:9', []);
    await expect(manager.listen()).rejects.toMatchObject({
      code: 'configuration',
      message: 'https://127.0.0.1:9 is https: give the manager tls: { key, cert }.',
    });
  });
});

describe('TLS', () => {
  it('links two https hosts, without checksums', async () => {
    const [a, b] = await grid.pair({ tls }, 'https');
    serve(a);
    serve(b);
    const flags = new Set<number>();
    a.connection(b.local).frames$.subscribe(({ frame }) => flags.add(frame.flags & 1));
    expect(await Promise.all([ask(a, b), ask(b, a)])).toStrictEqual([
      `${a.local} at ${b.local}`,
      `${b.local} at ${a.local}`,
    ]);
    expect([...flags]).toStrictEqual([0]);
  });

  it('does not link a host with an untrusted certificate', async () => {
    const { ca: _, ...untrusted } = tls;
    const [a, b] = await grid.pair({ tls: untrusted }, 'https');
    const [first] = (await firstValueFrom(a.cluster$)).hosts;
    const [dialer, other] = first!.dials === 'local' ? [a, b] : [b, a];
    const { error } = await until(dialer.connection(other.local), 'back-off');
    expect(error!.message).toMatch(/self-signed certificate/);
  });
});

describe('close()', () => {
  it('closes the server and every socket: the port is free, and the others notice', async () => {
    const [a, b] = await grid.pair();
    await b.connection(a.local).ready();
    await a.close();
    await a.close();
    await expect(http(`${a.local}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await until(b.connection(a.local), 'back-off')).toMatchObject({ connects: 1 });
    const again = serve(grid.manager(a.local, [b.local]));
    await again.listen({ address: '127.0.0.1' });
    serve(b);
    expect(await ask(again, b)).toBe(`${a.local} at ${b.local}`);
    await until(b.connection(a.local), 'connected', 2);
  });

  it('fails calls in flight, which were sent', async () => {
    const [a, b] = await grid.pair();
    const arrived = new Promise<void>((resolve) => {
      b.handle(whoAmI, () => {
        resolve();
        return new Promise(() => undefined);
      });
    });
    const answer = expect(ask(a, b)).rejects.toMatchObject({ code: 'disconnected', sent: true });
    await arrived;
    await a.close();
    await answer;
  });

  it('leaves no server behind where it is called during listen()', async () => {
    const port = await freePort();
    const manager = grid.manager(`http://127.0.0.1:${port}`, []);
    const listening = manager.listen({ address: '127.0.0.1' });
    await manager.close();
    await expect(listening).rejects.toMatchObject({ code: 'configuration' });
    await expect(http(`${manager.local}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(manager.listen()).rejects.toMatchObject({
      message: `The manager of ${manager.local} is closed: make a new one.`,
    });
  });

  it('does not wait indefinitely for a peer that does not read', async () => {
    const manager = grid.manager(`http://127.0.0.1:${await freePort()}`, [], {
      leaves: { authenticate: () => 'deaf' },
    });
    await manager.listen({ address: '127.0.0.1' });
    const { leaf, sockets } = grid.leaf(manager.local);
    await leaf.ready();
    sockets[0]!.pause();
    // Would take 30 s.
    await manager.close();
    await expect(http(`${manager.local}/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('close()', () => {
  it('closes everything although something throws, and then rejects with all errors', async () => {
    const [a, b] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    const boom = new Error('boom');
    const hosts = new Observable<string[]>((subscriber) => {
      subscriber.next([a, b]);
      return () => {
        throw boom;
      };
    });
    const manager = new NodeManager({ local: a, hosts, auth: staticToken('secret') });
    await manager.listen({ address: '127.0.0.1' });
    const { log } = record(
      manager
        .connection(a)
        .stream(count, 1e9)
        .pipe(consume(() => NEVER)),
    );
    const closing = manager.close();
    expect(manager.close()).toBe(closing);
    await expect(closing).rejects.toThrow(`${a} is closed, and some of it failed to close as it should.`);
    const error = await closing.then(undefined, (reason: unknown) => reason as AggregateError);
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors).toMatchObject([{ errors: [boom] }]);
    expect(log).toMatchObject([{ code: 'disconnected' }]);
    await expect(http(a)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
