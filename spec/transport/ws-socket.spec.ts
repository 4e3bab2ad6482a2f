import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket as NetSocket } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { WebSocketServer, type WebSocket } from 'ws';
import { ProtocolError } from '../../lib/errors.js';
import type { Socket } from '../../lib/transport/socket.js';
import { createDial, dialWebSocket } from '../../lib/transport/ws-dial.js';
import { adoptWebSocket } from '../../lib/transport/ws-socket.js';
import { headroomBytes, slabBytes, slabHooks } from '../../lib/wire/slabs.js';
import { bytesOf } from '../support/protocol/frames.js';

const options = { headers: { Authorization: 'Bearer x' }, maxMessageBytes: 1 << 20 };

let server: WebSocketServer;
let url: string;

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

/** A dialed socket, and the server's end of it as `ws` has it. */
async function connected(): Promise<{ near: Socket; far: WebSocket; headers: Record<string, unknown> }> {
  const accepted = once(server, 'connection');
  const near = await firstValueFrom(dialWebSocket(url, options));
  const [far, request] = await accepted;
  return { near, far, headers: request.headers };
}

/** What a socket hears; `end` resolves at its end. */
function listen(socket: Socket): { messages: Uint8Array[]; end: Promise<string> } {
  const messages: Uint8Array[] = [];
  const end = new Promise<string>((resolve) => {
    socket.inbound.subscribe({
      next: (message) => messages.push(message),
      error: (error: unknown) => {
        resolve((error as Error).message);
      },
      complete: () => {
        resolve('complete');
      },
    });
  });
  return { messages, end };
}

describe('a dialed socket', () => {
  it('sends the headers, offers no compression, and carries binary messages both ways', async () => {
    const { near, far, headers } = await connected();
    expect(headers.authorization).toBe('Bearer x');
    expect(headers['sec-websocket-extensions']).toBe(undefined);
    const received = listen(near);
    const message = once(far, 'message');
    near.outbound.next(bytesOf('to'));
    expect((await message).map(String)).toStrictEqual(['to', 'true']);
    far.send('text is ignored');
    far.send(Buffer.from('fro'));
    far.close(1000);
    expect(await received.end).toBe('complete');
    expect(received.messages.map((bytes) => [bytes.constructor.name, Buffer.from(bytes).toString()])).toStrictEqual([
      ['Uint8Array', 'fro'],
    ]);
  });

  it('reuses the memory of its messages until it is closed; later messages are dropped', async () => {
    const { near } = await connected();
    const { onFree } = slabHooks;
    let freed = 0;
    slabHooks.onFree = () => freed++;
    const send = (): number => {
      const slabs = near.slabs!;
      slabs.take(slabBytes).fill(1);
      near.outbound.next(slabs.message(headroomBytes, slabBytes));
      slabs.reclaim();
      return slabs.held;
    };
    try {
      while (near.bufferedBytes === 0) send();
      near.outbound.complete();
      freed = 0;
      const held = [send(), send(), send()];
      expect([freed, held]).toStrictEqual([0, [1, 1, 1]]);
    } finally {
      slabHooks.onFree = onFree;
    }
  });

  it('joins fragments at the other end, also when several messages are sent at once', async () => {
    const { near, far } = await connected();
    const received = listen(adoptWebSocket(far));
    const big = new Uint8Array(300_000).fill(7);
    near.outbound.next([bytesOf('a'), big, bytesOf('b')]);
    near.outbound.next(bytesOf('c'));
    near.outbound.next([bytesOf('d')]);
    near.outbound.complete();
    expect(await received.end).toBe('complete');
    expect(received.messages.map(({ length }) => length)).toStrictEqual([300_002, 1, 1]);
    expect(Buffer.from(received.messages[0]!).equals(Buffer.concat([Buffer.from('a'), big, Buffer.from('b')]))).toBe(
      true,
    );
  });

  it('sends whole frames both ways, with pings of both ends between them', async () => {
    const accepted = once(server, 'connection');
    const near = await firstValueFrom(dialWebSocket(url, options));
    const [far, request] = (await accepted) as [WebSocket, IncomingMessage];
    const other = adoptWebSocket(far, request.socket);
    const [nearHeard, farHeard] = [listen(near), listen(other)];
    const pong = once(far, 'pong');
    const sizes = [0, 125, 126, 4096, 5000, 65_535, 65_536, 300_000, 1 << 20];
    for (const size of sizes) {
      const message = new Uint8Array(size).fill(size);
      near.outbound.next(message);
      far.ping();
      other.outbound.next([message.subarray(0, size >> 1), message.subarray(size >> 1)]);
    }
    await pong;
    other.outbound.complete();
    expect(await nearHeard.end).toBe('complete');
    expect(await farHeard.end).toBe('complete');
    for (const { messages } of [nearHeard, farHeard]) {
      expect(messages.map(({ length }) => length)).toStrictEqual(sizes);
      for (const message of messages) expect(message.every((byte) => byte === (message.length & 0xff))).toBe(true);
    }
  });

  it('resumes reading on close: a paused one would wait for the close frame until closeTimeout', () => {
    const log: string[] = [];
    const note = (what: string) => (): void => {
      log.push(what);
    };
    const [pause, resume, close] = ['pause', 'resume', 'close'].map(note);
    const socket = adoptWebSocket({ on() {}, pause, resume, close, readyState: 1, bufferedAmount: 0 });
    socket.pause!();
    socket.outbound.complete();
    socket.close!('idle', 'no call');
    expect(log).toStrictEqual(['pause', 'resume', 'close', 'resume', 'close']);
  });

  it('accepts up to the bound of fragments per message, and reports protocol violations', async () => {
    const { near, far } = await connected();
    const errors: unknown[] = [];
    near.limitMessages!(8 << 10);
    const end = new Promise<void>((resolve) => {
      near.inbound.subscribe({
        error: (error: unknown) => {
          errors.push(error);
          resolve();
        },
      });
    });
    const part = { binary: true, fin: false };
    for (let count = 0; count < 9; count++) far.send(new Uint8Array(1), part);
    await end;
    expect(errors).toStrictEqual([
      new ProtocolError('The other side broke the WebSocket protocol: Too many message fragments.'),
    ]);
  });

  it('completes where it is closed here, and is destroyed without a close frame where it errors', async () => {
    const first = await connected();
    const ended = listen(first.near);
    const closed = once(first.far, 'close');
    first.near.outbound.complete();
    expect((await closed)[0]).toBe(1000);
    expect(await ended.end).toBe('complete');
    const second = await connected();
    const broken = once(second.far, 'close');
    second.near.outbound.error(new Error('enough'));
    expect((await broken)[0]).toBe(1006);
  });

  it('errors where the other end is killed, and drops later sends', async () => {
    const { near, far } = await connected();
    const received = listen(near);
    far.terminate();
    expect(await received.end).toBe('The socket closed with code 1006.');
    near.outbound.next(bytesOf('late'));
    near.outbound.next([bytesOf('late'), bytesOf('r')]);
    near.outbound.complete();
    near.outbound.error(new Error('late'));
    expect(near.bufferedBytes).toBe(0);
  });

  it('errors where a message is longer than maxMessageBytes; the other end receives 1009', async () => {
    const { near, far } = await connected();
    const received = listen(near);
    const closed = once(far, 'close');
    far.send(Buffer.alloc((1 << 20) + 1));
    expect(await received.end).toMatch(/more than 1048576 bytes: raise maxMessageBytes/);
    expect((await closed)[0]).toBe(1009);
    const other = await connected();
    const heardToo = listen(other.near);
    other.far.send(Buffer.alloc(1 << 20));
    other.far.close(1000);
    expect(await heardToo.end).toBe('complete');
    expect(heardToo.messages.map(({ length }) => length)).toStrictEqual([1 << 20]);
  });

  it('counts the bytes of a message that is not complete', async () => {
    const { near, far } = await connected();
    const raw = (far as unknown as { _socket: NetSocket })._socket;
    const before = near.readBytes!;
    // The head of a frame of 1 MiB, and a part of it.
    const part = Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]), Buffer.alloc(100)]);
    raw.write(part);
    while (near.readBytes! < before + part.length) await new Promise(setImmediate);
    expect(near.readBytes).toBe(before + part.length);
    near.outbound.error(undefined);
  });

  it('reports how many bytes it buffers, and when it has drained', async () => {
    const { near, far } = await connected();
    const raw = (far as unknown as { _socket: NetSocket })._socket;
    raw.pause();
    for (let count = 0; count < 64; count++) near.outbound.next(new Uint8Array(1 << 20));
    expect(near.bufferedBytes).toBeGreaterThan(16 << 20);
    const drained = firstValueFrom(near.drained);
    raw.resume();
    await drained;
    expect(near.bufferedBytes).toBeLessThanOrEqual(64 << 10);
    near.outbound.error(undefined);
  });
});

describe('a dial', () => {
  it('fails where there is no listener', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const dial = firstValueFrom(dialWebSocket(`ws://127.0.0.1:${port}/`, options));
    await expect(dial).rejects.toThrow(/^Dialing ws:\/\/127\.0\.0\.1:\d+\/ failed: .*ECONNREFUSED/);
  });

  it.each([
    ['ws://127.0.0.1:1/#fragment', options],
    ['nonsense', options],
    ['ws://127.0.0.1:1/', { ...options, headers: { Authorization: 'line\nbreak' } }],
  ])('fails where no socket can be created: %s', async (to, with_) => {
    await expect(firstValueFrom(dialWebSocket(to, with_))).rejects.toThrow();
  });

  it('fails where the server refuses', async () => {
    const refusing: Server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume().end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    const { port } = refusing.address() as AddressInfo;
    await expect(firstValueFrom(dialWebSocket(`ws://127.0.0.1:${port}/`, options))).rejects.toThrow(/503/);
    await new Promise((resolve) => refusing.close(resolve));
  });

  it('leaves no trace when it is abandoned before an answer', async () => {
    const sockets: NetSocket[] = [];
    const silent = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const received: unknown[] = [];
    const connecting = once(silent, 'connection');
    const dial = createDial({})(`ws://127.0.0.1:${port}/`, options).subscribe({
      next: () => received.push('next'),
      error: (error: unknown) => received.push(error),
      complete: () => received.push('complete'),
    });
    await connecting;
    const closed = once(sockets[0]!, 'close');
    sockets[0]!.resume();
    dial.unsubscribe();
    await closed;
    expect(received).toStrictEqual([]);
    await new Promise((resolve) => silent.close(resolve));
  });
});

/** What the platform's WebSocket of a browser has: no `on`, no fragments, no word when it has sent. */
class BrowserSocket {
  readyState = 1;
  binaryType = 'blob';
  bufferedAmount = 0;
  readonly sent: unknown[] = [];
  readonly closes: unknown[] = [];
  onmessage: ((event: { data: unknown }) => void) | undefined = undefined;
  onerror: ((event: object) => void) | undefined = undefined;
  onclose: ((event: { code: number }) => void) | undefined = undefined;

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(code?: number): void {
    this.closes.push(code);
  }
}

describe('a browser socket', () => {
  it('receives ArrayBuffers, and sends bytes or a Blob of the fragments', async () => {
    const raw = new BrowserSocket();
    const socket = adoptWebSocket(raw);
    const received = listen(socket);
    expect(raw.binaryType).toBe('arraybuffer');
    raw.onmessage!({ data: Uint8Array.of(1, 2).buffer });
    raw.onmessage!({ data: 'text' });
    expect(received.messages).toStrictEqual([Uint8Array.of(1, 2)]);
    socket.outbound.next(bytesOf('x'));
    socket.outbound.next([bytesOf('a'), bytesOf('b')]);
    expect(raw.sent[0]).toStrictEqual(bytesOf('x'));
    expect(await (raw.sent[1] as Blob).text()).toBe('ab');
    raw.readyState = 2;
    socket.outbound.next(bytesOf('late'));
    expect(raw.sent.length).toBe(2);
    raw.onclose!({ code: 1000 });
    expect(await received.end).toBe('complete');
    raw.onmessage!({ data: new ArrayBuffer(1) });
    expect(received.messages.length).toBe(1);
  });

  it('closes gracefully or not, and errors with the message of the platform', async () => {
    const raw = new BrowserSocket();
    const socket = adoptWebSocket(raw);
    const received = listen(socket);
    socket.outbound.complete();
    socket.outbound.error(new Error('enough'));
    expect(raw.closes).toStrictEqual([1000, undefined]);
    raw.onerror!({});
    raw.onclose!({ code: 1006 });
    expect(await received.end).toBe('the platform gives no reason');
  });

  it('is polled while it buffers much', async () => {
    const raw = new BrowserSocket();
    const socket = adoptWebSocket(raw);
    raw.bufferedAmount = 1 << 20;
    const drained = firstValueFrom(socket.drained);
    socket.outbound.next(bytesOf('x'));
    socket.outbound.next(bytesOf('y'));
    expect(socket.bufferedBytes).toBe(1 << 20);
    // In a later turn, as a browser does it.
    setTimeout(() => (raw.bufferedAmount = 10));
    await drained;
    expect(raw.bufferedAmount).toBe(10);
  });
});
