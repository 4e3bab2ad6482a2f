import { afterEach, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom, map, NEVER, timer } from 'rxjs';
import { WebSocketServer } from 'ws';
import { staticToken } from '../../../lib/endpoint/accept/auth.js';
import {
  conformanceSteps,
  playConformance,
  type ConformanceRecording,
} from '../../../lib/cli/recording/conformance.js';
import { whoDials } from '../../../lib/endpoint/peers/who-dials.js';
import { systemRuntime } from '../../../lib/runtime.js';
import type { Frame } from '../../../lib/wire/frame.js';
import { Op } from '../../../lib/wire/ops.js';
import { frame } from '../../../lib/testing/frames/frame-builders.js';
import { encodeConnectResponse } from '../../../lib/wire/payloads/connect.js';
import { encodeFrame } from '../../../lib/wire/encode.js';
import { createChecksum } from '../../../lib/wire/checksum.js';
import { freePort, RealGrid } from '../../support/real-grid.js';
import { registerRecordedHandlers } from '../../support/replay/recorded-handlers.js';

/*
 * The recordings as a suite against a host: our own passes, and another answer is found.
 */

const folder = join(__dirname, '../../vectors');
const names = readdirSync(folder)
  .filter(
    (name) => name.endsWith('.json') && !/^(fault|handshake|quirk)-|^(keepalive|typed|who-dials|xxh3)\./.test(name),
  )
  .map((name) => name.replace('.json', ''));
const read = (name: string): ConformanceRecording =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as ConformanceRecording;
const grid = new RealGrid();
const accepting = frame(Op.ConnectResponse, 0, {
  payload: encodeConnectResponse({ id: new Uint8Array(16), accepted: true, rejectedReason: '' }),
});
const item = (at: number): Frame => frame(Op.UnblockClMux, 1, { seq: at + 1 });

afterEach(async () => grid.close());

/** Plays a recording against a host with the handlers of the recordings. */
async function play(recording: ConformanceRecording): Promise<string[]> {
  const port = await freePort();
  const local = `http://127.0.0.1:${String(port)}`;
  const { hash64 } = await createChecksum();
  const names = Array.from({ length: 50 }, (_, index) => `http://127.0.0.1:${String(index + 1)}`);
  const dialer = names.find((name) => whoDials(name, local, hash64))!;
  const manager = grid.manager(local, [local, dialer], { dial: () => NEVER, auth: staticToken('debug') });
  registerRecordedHandlers(
    manager,
    async (ms) => firstValueFrom(timer(ms).pipe(map(() => undefined))),
    () => undefined,
  );
  await manager.listen({ address: '127.0.0.1' });
  const url = `ws://127.0.0.1:${String(port)}/minio/grid/v1`;
  return playConformance(recording, { url, dialer, token: 'debug', patience: 5_000, runtime: systemRuntime });
}

describe('our host', () => {
  it.each(names.filter((name) => conformanceSteps(read(name)).length > 0))(
    'answers like the reference: %s',
    async (name) => {
      expect(await play(read(name))).toStrictEqual([]);
    },
  );
});

it.each([
  [
    'another payload',
    'unary-ok',
    'c403010203',
    'c403010204',
    'mux 1: Response Eof 010203 instead of Response Eof 010204',
  ],
  ['another item', 'stream-error', 'c40131', 'c40139', 'mux 1: MuxServerMsg 31 instead of MuxServerMsg 39'],
])('%s than the recorded one is detected', async (_, name, from, to, found) => {
  const { messages, ...recording } = read(name);
  const other = messages.map((message) =>
    message.from === 'acceptor' ? { ...message, hex: message.hex?.replace(from, to) ?? '' } : message,
  );
  expect(await play({ ...recording, messages: other })).toStrictEqual([found]);
});

it('a host that floods is disconnected once it has sent more than any answer can be', async () => {
  const port = await freePort();
  const server = new WebSocketServer({ port, host: '127.0.0.1' });
  let sent = 0;
  let destroyed = (): void => undefined;
  const closed = new Promise<void>((resolve) => (destroyed = resolve));
  server.on('connection', (socket) => {
    socket.on('close', destroyed);
    socket.once('message', () => {
      socket.send(encodeFrame(accepting));
      socket.on('message', () => {
        for (; sent < 20_000; sent++) socket.send(encodeFrame(item(sent)));
      });
    });
  });
  const target = { url: `ws://127.0.0.1:${String(port)}`, dialer: 'http://a', token: '', patience: 5_000 };
  // The answer that the recording waits for never comes.
  const found = await playConformance(read('stream-server'), { ...target, runtime: systemRuntime });
  expect(found).toStrictEqual([expect.stringMatching(/^no .* came: the host sent more than \d+ frames, or 64 MiB$/)]);
  await closed;
  server.close();
});

it('a host that sends a malformed message fails, and the suite continues', async () => {
  const port = await freePort();
  const server = new WebSocketServer({ port, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.once('message', () => {
      socket.send(Uint8Array.of(0xc1, 0xff));
    });
  });
  const target = { url: `ws://127.0.0.1:${String(port)}`, dialer: 'http://a', token: '', patience: 5_000 };
  await expect(playConformance(read('unary-ok'), { ...target, runtime: systemRuntime })).rejects.toThrow(
    'the host sent a message that cannot be read',
  );
  server.close();
});
