import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as engine from 'engine.io';
import express from 'express';
import Fastify from 'fastify';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { firstValueFrom } from 'rxjs';
import { Server as SocketIo } from 'socket.io';
import { WebSocket, WebSocketServer } from 'ws';
import type { Manager } from '../../../lib/node/index.js';
import { ServerRouter } from '../../../lib/node/server/server-router.js';
import { raw, type } from '../../../lib/codec/codec.js';
import { unary } from '../../../lib/contract/contract.js';
import { http, RealGrid, type HttpHost } from '../../support/real-grid.js';

/*
 * A manager and another library on one HTTP server: attached in either order, closed in either order. Each must go on
 * working as if it were alone, and no request may be answered twice.
 */

const whoAmI = unary({ id: 1, name: 'whoAmI', request: raw, response: type<string>() });
const gridPath = '/minio/grid/v1';

interface Guest {
  /** Uses the library as its clients do. */
  check(base: string): Promise<void>;
  close(): unknown;
  /** True: the library closes the HTTP server with itself. */
  readonly closesServer?: boolean;
}

/** Opens a WebSocket, and gives the first message that comes after `send`. */
async function firstMessage(url: string, send?: string): Promise<string> {
  const socket = new WebSocket(url.replace('http', 'ws'));
  // Greetings come with the upgrade.
  const message = once(socket, 'message');
  await once(socket, 'open');
  if (send !== undefined) socket.send(send);
  const [data] = (await message) as [Buffer];
  socket.terminate();
  return data.toString();
}

/** A POST with these headers and a body of one byte. */
async function post(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const call = httpRequest(url, { method: 'POST', headers, agent: false });
  call.end('x');
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.resume();
  return response;
}

/** A request handler that counts, so that a request that is handled twice is found. */
function counted(handler: RequestListener): { readonly listener: RequestListener; check(base: string): Promise<void> } {
  let calls = 0;
  return {
    listener: (request, response) => {
      calls++;
      handler(request, response);
    },
    check: async (base) => {
      calls = 0;
      expect(await http(`${base}/app`)).toMatchObject({ status: 200, body: 'app' });
      expect(calls).toBe(1);
    },
  };
}

async function checkEngine(base: string, path: string): Promise<void> {
  const polled = await http(`${base}${path}?EIO=4&transport=polling`);
  expect(polled).toMatchObject({ status: 200, body: expect.stringMatching(/^0\{"sid"/) });
  expect(await firstMessage(`${base}${path}?EIO=4&transport=websocket`)).toMatch(/^0\{"sid"/);
}

const guests: Record<string, (server: Server) => Promise<Guest>> = {
  'a request handler': async (server) => {
    const { listener, check } = counted((_, response) => response.end('app'));
    server.on('request', listener);
    return { check, close: () => server.off('request', listener) };
  },
  Express: async (server) => {
    const app = express();
    app.get('/app', (_, response) => {
      response.send('app');
    });
    const { listener, check } = counted(app);
    server.on('request', listener);
    return {
      check: async (base) => {
        await check(base);
        expect((await http(`${base}/nothing`)).body).toContain('Cannot GET /nothing');
      },
      close: () => server.off('request', listener),
    };
  },
  Fastify: async (server) => {
    let check: Guest['check'];
    const fastify = Fastify({
      serverFactory: (handler) => {
        const guest = counted(handler);
        check = guest.check;
        return server.on('request', guest.listener);
      },
    });
    fastify.get('/app', async () => 'app');
    await fastify.ready();
    return { check: async (base) => check(base), close: () => fastify.close(), closesServer: true };
  },
  ws: async (server) => {
    const chat = new WebSocketServer({ server, path: '/chat' });
    chat.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => {
        socket.send(`echo ${data.toString()}`);
      });
    });
    return {
      check: async (base) => {
        expect(await firstMessage(`${base}/chat`, 'hello')).toBe('echo hello');
      },
      close: () => {
        chat.close();
      },
    };
  },
  'engine.io': async (server) => {
    const guest = engine.attach(server, { destroyUpgrade: true });
    return {
      check: async (base) => checkEngine(base, '/engine.io/'),
      close: () => {
        guest.close();
      },
    };
  },
  'socket.io': async (server) => {
    const io = new SocketIo(server);
    return { check: async (base) => checkEngine(base, '/socket.io/'), close: () => io.close(), closesServer: true };
  },
};

let grid: RealGrid;
beforeEach(() => {
  grid = new RealGrid();
});
afterEach(async () => {
  await grid.close();
});

async function attach(host: HttpHost): Promise<Manager> {
  const manager = grid.manager(host.name, [], { leaves: { authenticate: (token) => token } });
  manager.handle(whoAmI, (_, call) => call.caller);
  await manager.attach(host.server);
  return manager;
}

/** Three leaves: each connects, calls, and is still connected when the others have come. */
async function checkGrid(base: string): Promise<void> {
  const leaves = [1, 2, 3].map(() => grid.leaf(base).leaf);
  for (const leaf of leaves) {
    await leaf.ready();
    expect(await firstValueFrom(leaf.request(whoAmI, new Uint8Array()))).toBe('leaf');
  }
  for (const leaf of leaves) {
    expect(await firstValueFrom(leaf.state$)).toMatchObject({ status: 'connected', connects: 1 });
    leaf.close();
  }
  expect((await http(`${base}${gridPath}`)).status).toBe(426);
}

describe.each(Object.entries(guests))('attach() beside %s', (_, start) => {
  it.each([
    ['attached first', 'closed first'],
    ['attached first', 'closed last'],
    ['attached last', 'closed first'],
    ['attached last', 'closed last'],
  ])('%s, %s', async (attached, closed) => {
    const host = await grid.server();
    let manager: Manager | undefined;
    if (attached === 'attached first') manager = await attach(host);
    const guest = await start(host.server);
    grid.closeLater(guest.close);
    manager ??= await attach(host);
    await guest.check(host.name);
    await checkGrid(host.name);
    await guest.check(host.name);
    if (closed === 'closed first') {
      await manager.close();
      await guest.check(host.name);
      expect(Object.hasOwn(host.server, 'emit')).toBe(false);
      await guest.close();
    } else {
      await guest.close();
      if (!guest.closesServer) await checkGrid(host.name);
      await manager.close();
    }
  });

  it('is attached again after a close', async () => {
    const host = await grid.server();
    const first = await attach(host);
    const guest = await start(host.server);
    grid.closeLater(guest.close);
    await first.close();
    await attach(host);
    await checkGrid(host.name);
    await guest.check(host.name);
  });
});

describe('attach()', () => {
  it('does not reorder the listeners of others', async () => {
    const host = await grid.server();
    const listeners = { request: () => undefined, upgrade: () => undefined };
    host.server.on('request', listeners.request).on('upgrade', listeners.upgrade);
    const manager = await attach(host);
    expect(host.server.listeners('request')).toStrictEqual([listeners.request]);
    expect(host.server.listeners('upgrade')).toContain(listeners.upgrade);
    await manager.close();
    expect(host.server.listeners('request')).toStrictEqual([listeners.request]);
    expect(host.server.listeners('upgrade')).toStrictEqual([listeners.upgrade]);
  });

  it('survives a library that wraps emit afterwards, and a close before or after it is unwrapped', async () => {
    const host = await grid.server((_, path) => `own ${path}`);
    const first = await attach(host);
    const wrapped = host.server.emit;
    const seen: string[] = [];
    host.server.emit = ((event: string, ...args: unknown[]) => {
      seen.push(event);
      return (wrapped as (...all: unknown[]) => boolean).call(host.server, event, ...args);
    }) as Server['emit'];
    await checkGrid(host.name);
    await first.close();
    expect(await http(`${host.name}${gridPath}`)).toMatchObject({ status: 200, body: `own ${gridPath}` });
    const second = await attach(host);
    await checkGrid(host.name);
    host.server.emit = wrapped;
    await checkGrid(host.name);
    await second.close();
    expect(Object.hasOwn(host.server, 'emit')).toBe(false);
    expect(seen).toContain('upgrade');
  });

  it('answers requests without another handler: 404 for another path, also where Expect is sent', async () => {
    const host = await grid.server();
    await attach(host);
    for (const path of ['/', '/other']) {
      const { status, body } = await http(host.name + path);
      expect({ status, body }).toStrictEqual({
        status: 404,
        body: 'No grid is served at this path. Is it served at another path?\n',
      });
    }
    const later = (_: unknown, response: Parameters<RequestListener>[1]): unknown => response.end('later');
    host.server.on('request', later);
    expect(await http(`${host.name}/other`)).toMatchObject({ status: 200, body: 'later' });
  });

  it('takes a path where handlers of Expect: 100-continue listen, too', async () => {
    const host = await grid.server();
    host.server.on('checkContinue', (_, response) => response.end('continue'));
    await attach(host);
    const headers = { Expect: '100-continue', 'Content-Length': '1' };
    const statusOf = async (path: string): Promise<number> => (await post(`${host.name}${path}`, headers)).statusCode!;
    expect(await statusOf(gridPath)).toBe(426);
    expect(await statusOf('/other')).toBe(200);
  });

  it('takes the plain path where the platform provides no stream with the upgrade', async () => {
    const host = await grid.server();
    const streams: unknown[] = [];
    const unmount = ServerRouter.of(host.server).mount('/probe', {
      maxMessageBytes: 1 << 10,
      onSocket: (socket, _, stream) => {
        streams.push(stream);
        socket.send('greeting');
      },
    });
    grid.closeLater(unmount);
    expect(await firstMessage(`${host.name}/probe`)).toBe('greeting');
    // As in Bun.
    const versions = process.versions as { bun?: string };
    Object.defineProperty(versions, 'bun', { value: '1.3.0', configurable: true });
    grid.closeLater(() => Reflect.deleteProperty(versions, 'bun'));
    expect(await firstMessage(`${host.name}/probe`)).toBe('greeting');
    expect(streams).toStrictEqual([expect.any(Duplex), undefined]);
    await attach(host);
    await checkGrid(host.name);
  });
});
