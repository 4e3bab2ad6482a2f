import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { filter, firstValueFrom } from 'rxjs';
import { type WebSocket, WebSocketServer } from 'ws';
import { readPath } from '../../../lib/node/server/read-path.js';
import { adoptWebSocket } from '../../../lib/transport/ws-socket.js';
import { bytesOf } from '../../support/protocol/frames.js';
import { RealGrid } from '../../support/real-grid.js';
import { hideUserBuffer } from '../../support/user-buffer.js';
import { closePayload, wsFrame } from '../../support/protocol/ws-frames.js';

const maxMessageBytes = 1 << 20;
const key = [9, 8, 7, 6];
const upgrade = [
  'GET / HTTP/1.1',
  'Host: x',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
].join('\r\n');

interface Accepted {
  readonly readPath: string | undefined;
  /** Messages, and how the socket ended. */
  readonly received: string[];
  readonly ended: Promise<void>;
  readonly far: WebSocket;
  readonly stream: Duplex;
  /** The chunks that the stream of Node allocated and emitted. */
  readonly chunks: number[];
}

interface Dialed {
  readonly raw: Socket;
  readonly accepted: Accepted;
  /** The frames that came back, when the socket has closed. */
  readonly answers: Promise<Buffer>;
}

let server: Server;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Dials a server with plain bytes; `early` comes in the same segment as the request. */
async function dial(early: readonly Uint8Array[] = []): Promise<Dialed> {
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: maxMessageBytes });
  server = createServer();
  const accepted = new Promise<Accepted>((resolve) => {
    server.on('upgrade', (request, stream, head) => {
      webSockets.handleUpgrade(request, stream, head, (far) => {
        const received: string[] = [];
        const chunks: number[] = [];
        const socket = adoptWebSocket(far, stream, { readPath, maxMessageBytes });
        stream.on('data', (chunk: Uint8Array) => chunks.push(chunk.length));
        const ended = new Promise<void>((end) => {
          socket.inbound.subscribe({
            next: (message) => received.push(Buffer.from(message).toString()),
            error: (error: unknown) => {
              received.push(`error: ${(error as Error).message}`);
              end();
            },
            complete: () => {
              received.push('complete');
              end();
            },
          });
        });
        resolve({ readPath: socket.readPath, received, ended, far, stream, chunks });
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const raw = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(raw);
  const chunks: Buffer[] = [];
  raw.on('data', (bytes) => chunks.push(bytes));
  raw.on('error', () => undefined);
  const answers = once(raw, 'close').then(() => {
    const all = Buffer.concat(chunks);
    return all.subarray(all.indexOf('\r\n\r\n') + 4);
  });
  raw.write(Buffer.concat([Buffer.from(`${upgrade}\r\n\r\n`), ...early]));
  return { raw, accepted: await accepted, answers };
}

const binary = (text: string): Uint8Array => wsFrame({ first: 0x82, payload: bytesOf(text), key });
const close = wsFrame({ first: 0x88, payload: closePayload(1000), key });

describe('a plain socket', () => {
  it('is read into one buffer, without a Node chunk per read', async () => {
    const { raw, accepted } = await dial();
    raw.write(Buffer.concat([binary('a'), binary('b'.repeat(100_000)), close]));
    await accepted.ended;
    expect(accepted.readPath).toBe('buffer');
    expect(accepted.received.map((text) => text.slice(0, 8))).toStrictEqual(['a', 'bbbbbbbb', 'complete']);
    expect(accepted.received[1]!.length).toBe(100_000);
    expect(accepted.chunks).toStrictEqual([]);
  });

  it('begins with the bytes in the segment of the request, also half a frame', async () => {
    const frame = binary('half');
    const { raw, accepted } = await dial([binary('early'), frame.subarray(0, 5)]);
    raw.write(Buffer.concat([frame.subarray(5), close]));
    await accepted.ended;
    expect(accepted.received).toStrictEqual(['early', 'half', 'complete']);
  });

  it('leaves pings, fragments and the close handshake to ws', async () => {
    const { raw, accepted, answers } = await dial();
    const fragments = [
      wsFrame({ first: 0x02, payload: bytesOf('fra'), key }),
      wsFrame({ first: 0x89, payload: bytesOf('?'), key }),
      wsFrame({ first: 0x80, payload: bytesOf('gments'), key }),
    ];
    raw.write(Buffer.concat([...fragments, binary('whole'), close]));
    await accepted.ended;
    expect(accepted.received).toStrictEqual(['fragments', 'whole', 'complete']);
    expect([...(await answers)]).toStrictEqual([
      ...wsFrame({ first: 0x8a, payload: bytesOf('?') }),
      ...wsFrame({ first: 0x88, payload: closePayload(1000) }),
    ]);
  });

  it('yields to the event loop after 256 pieces of frames for ws, and continues reading', async () => {
    const { raw, accepted } = await dial();
    const stream = accepted.stream as unknown as Record<symbol, (count: number, bytes: Uint8Array) => boolean>;
    const callback = Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'kBufferCb')!;
    const pongs = (count: number): Uint8Array =>
      new Uint8Array(
        Buffer.concat(Array.from({ length: count }, () => wsFrame({ first: 0x8a, payload: bytesOf(''), key }))),
      );
    const read = (bytes: Uint8Array): boolean => stream[callback]!(bytes.length, bytes);
    expect([read(pongs(255)), read(pongs(1)), read(pongs(1))]).toStrictEqual([true, false, true]);
    raw.write(Buffer.concat([pongs(2_000), binary('behind'), close]));
    await accepted.ended;
    expect(accepted.received).toStrictEqual(['behind', 'complete']);
  });

  it('is closed where it receives many text messages, which have no meaning', async () => {
    const { raw, accepted } = await dial();
    const texts = (count: number): Buffer =>
      Buffer.concat(Array.from({ length: count }, () => wsFrame({ first: 0x81, payload: bytesOf('x'), key })));
    raw.write(Buffer.concat([texts(1_000), binary('a'), texts(1), binary('b')]));
    await accepted.ended;
    expect(accepted.received).toStrictEqual(['a', 'error: The other side sent more than 1000 text messages.']);
  });

  it('is closed with code 1009 for a message beyond maxMessageBytes, and the error names the bound', async () => {
    const { raw, accepted, answers } = await dial();
    raw.write(wsFrame({ first: 0x82, payload: new Uint8Array(0), claimed: maxMessageBytes + 1, key }));
    await accepted.ended;
    expect(accepted.received[0]).toContain('maxMessageBytes');
    expect([...(await answers)]).toStrictEqual([...wsFrame({ first: 0x88, payload: closePayload(1009) })]);
  });

  it('stops reading while ws is paused, and then continues', async () => {
    const { raw, accepted } = await dial();
    accepted.far.pause();
    raw.write(binary('a'));
    await new Promise((resolve) => raw.write(binary('b'), resolve));
    // Another connection of the process is read meanwhile: its bytes are not those of this one.
    await new Promise(setImmediate);
    expect(accepted.received).toStrictEqual([]);
    accepted.far.resume();
    raw.write(close);
    await accepted.ended;
    expect(accepted.received).toStrictEqual(['a', 'b', 'complete']);
  });
});

describe('a connection', () => {
  it.each([
    ['http', 'buffer'],
    ['https', 'ws'],
  ] as const)('of %s hosts reports that it is read by way of %s, at both ends', async (scheme, way) => {
    const grid = new RealGrid();
    try {
      const read = (name: string): string => readFileSync(`spec/support/tls/${name}.pem`, 'utf8');
      const tls = { key: read('key'), cert: read('cert'), ca: read('cert') };
      const managers = await grid.pair({ tls }, scheme);
      for (const [at, manager] of managers.entries()) {
        const { state$ } = manager.connection(managers[1 - at]!.local);
        const { readPath } = await firstValueFrom(state$.pipe(filter(({ status }) => status === 'connected')));
        expect(readPath).toBe(way);
      }
    } finally {
      await grid.close();
    }
  });
});

describe('a socket that cannot read into a buffer', () => {
  it('is read by ws where the runtime lacks that feature', async () => {
    const restore = await hideUserBuffer();
    try {
      const { raw, accepted } = await dial([binary('early')]);
      raw.write(Buffer.concat([binary('a'), close]));
      await accepted.ended;
      expect(accepted.readPath).toBe('ws');
      expect(accepted.received).toStrictEqual(['early', 'a', 'complete']);
    } finally {
      restore();
    }
  });

  it('is read by ws where it is a stream of another kind', () => {
    const options = { masked: true, maxMessageBytes, message: () => undefined, tooLarge: () => undefined };
    expect(readPath(new Duplex(), options)).toBe(undefined);
    expect(readPath({}, options)).toBe(undefined);
  });
});
