import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { config, firstValueFrom, NEVER } from 'rxjs';
import { raw } from '../../lib/codec/codec.js';
import { announcedExtensions, connectMessage } from '../../lib/connection/handshake.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import type { Manager } from '../../lib/endpoint/manager.js';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { createChecksum, type Checksum } from '../../lib/wire/checksum.js';
import { decodeCallError } from '../../lib/wire/payloads/call-error.js';
import { encodeConnectError } from '../../lib/wire/payloads/control.js';
import { decodeFrames } from '../../lib/wire/decode.js';
import type { Frame, MuxId } from '../../lib/wire/frame.js';
import { MsgpackWriter } from '../../lib/wire/msgpack/msgpack-writer.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { timestampFromMs } from '../../lib/wire/msgpack/timestamp.js';
import { frameOf, fromCaller, lineOf, messageOf } from '../support/protocol/frames.js';
import { MemoryNetwork } from '../support/memory-network.js';

/*
 * A leaf that has announced every extension and sends garbage in each place where an extension has bytes: metadata,
 * windows, credits, errors, drain notices. It may lose its own connection. Nothing else may happen.
 */

jest.setTimeout(60_000);

const host = 'http://host:9000';
const nothing = new Uint8Array();
const echo = unary({ id: 1, name: 'echo', request: raw, response: raw });
const talk = duplex({ id: 3, name: 'talk', request: raw, input: raw, output: raw, inCapacity: 4, outCapacity: 4 });
const silent = duplex({ id: 4, name: 'silent', request: raw, output: raw });

let checksum: Checksum;
const uncaught: unknown[] = [];
beforeAll(async () => {
  checksum = await createChecksum();
  config.onUnhandledError = (error) => uncaught.push(error);
});
afterAll(() => {
  config.onUnhandledError = null;
});

const repeated = (bytes: readonly number[], times: number): number[] =>
  Array.from({ length: times }, () => bytes).flat();
const text = (value: string): Uint8Array => new MsgpackWriter().string(value).finish();

/** Bytes that are none of what an extension sends. */
const garbage: readonly Uint8Array[] = [
  ...[[0x81], [0x01], [0xc0], [0xc1], [0xff], [0x80, 0x00], [0x81, 0x01, 0x01], [0x9f], [0xd9, 0xff]],
  // What claims to be large: a map, an array, a text, bytes.
  ...[0xdf, 0xdd, 0xdb, 0xc6].map((head) => [head, 0xff, 0xff, 0xff, 0xff]),
  // Deep: arrays, and maps at a key that is known.
  ...[repeated([0x91], 20_000), repeated([0x81, 0xa1, 0x6d], 20_000), repeated([0x81, 0xa1, 0x63], 20_000)],
  [0x81, 0xa9, ...new TextEncoder().encode('__proto__'), 0x81, 0xa1, 0x61, 0xa1, 0x62],
  [0x82, 0xa1, 0x6d, 0x80, 0xa1, 0x6d, 0x80],
  // No UTF-8.
  [0x81, 0xa2, 0xff, 0xfe, 0x01],
].map((bytes) => Uint8Array.from(bytes));

/** Values of each type, and beyond every range. */
const values: readonly Uint8Array[] = [
  ...[
    ...[[0xc0], [0xc3], [0x00], [0xff], [0x90], [0x80], [0xc4, 0x00], [0xd4, 0xff, 0x00], [0x81, 0x01, 0x01]],
    [0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
    [0xd3, 128, 0, 0, 0, 0, 0, 0, 0],
    [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
    [0x81, 0xa1, 0x6b, 0xc0],
    [0x81, 0xa0, 0xa0],
    [0xc6, 0xff, 0xff, 0xff, 0xff],
  ].map((bytes) => Uint8Array.from(bytes)),
  ...['', '\u001b[2J', 'x'.repeat(300), 'x'.repeat(200_000)].map(text),
];

/** All that may stand in one place whose map has these keys. */
function hostileBytes(keys: readonly string[]): Uint8Array[] {
  const wrong = keys.flatMap((key) =>
    values.map((value) => new MsgpackWriter().map(1).string(key).encoded(value).finish()),
  );
  const all = values.map((value) => {
    const writer = new MsgpackWriter().map(keys.length);
    for (const key of keys) writer.string(key).encoded(value);
    return writer.finish();
  });
  return [...garbage, ...values, ...wrong, ...all];
}

function metaOf(meta: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(meta);
  const writer = new MsgpackWriter().map(1).string('m').map(entries.length);
  for (const [key, value] of entries) writer.string(key).string(value);
  return writer.finish();
}

/** A leaf that the test plays. `frames` is what it was sent after the handshake. */
function evil(network: MemoryNetwork, manager: Manager) {
  const [near, far] = linkedSockets();
  const frames: Frame[] = [];
  const state = { open: true, answered: false };
  const end = (): void => {
    state.open = false;
  };
  near.inbound.subscribe({
    next: (message) => {
      if (state.answered) frames.push(...decodeFrames(message.slice(), checksum.hash));
      state.answered = true;
    },
    complete: end,
    error: end,
  });
  manager.accept(far);
  const time = timestampFromMs(network.runtime.wallNow());
  const ext = announcedExtensions('auto');
  near.outbound.next(connectMessage({ id: new Uint8Array(16), host: '', time, token: 'evil', leaf: true, ext }));
  return {
    frames,
    isOpen: () => state.open,
    send: async (frame: Frame) => {
      near.outbound.next(messageOf([frame]));
      await network.settle();
    },
    leave: async () => {
      near.outbound.complete();
      await network.settle();
    },
  };
}

const scene = async () => {
  const network = new MemoryNetwork();
  const manager = network.manager(host, [], { leaves: { authenticate: (token: string) => token } });
  let runs = 0;
  manager.handle(echo, (payload) => {
    runs++;
    return payload;
  });
  manager.handle(talk, (_, call) => call.input);
  await manager.start();
  const good = network.leaf(host, { token: 'good' });
  await network.settle();
  return { network, manager, good, runs: () => runs };
};

/** The good leaf has never lost its connection, its calls are answered, and nothing stays behind of the evil one. */
async function expectUnharmed({ network, manager, good }: Awaited<ReturnType<typeof scene>>): Promise<void> {
  const answer = firstValueFrom(good.request(echo, Uint8Array.of(7)));
  await network.settle();
  expect(await answer).toStrictEqual(Uint8Array.of(7));
  expect(await firstValueFrom(good.state$)).toMatchObject({ status: 'connected', connects: 1 });
  expect(await firstValueFrom(manager.connection('good').stats$)).toMatchObject({ openIn: 0, openOut: 0 });
  expect(uncaught).toStrictEqual([]);
  good.close();
  expect(await network.close()).toBe(0);
}

const err = ['c', 'r', 's', 'd'];
const failed = Flag.Eof | Flag.PayloadIsErr;

describe('malformed bytes from a caller', () => {
  const places: readonly [string, readonly string[], (bytes: Uint8Array) => Frame][] = [
    ['the metadata of a request', ['m'], (extra) => fromCaller.request(9, { handler: 1, extra })],
    ['the opening of a stream', ['m', 'w', 'b'], (extra) => fromCaller.connectMux(9, { handler: 3, extra })],
    ['the credits of a stream', [], (payload) => frameOf(Op.UnblockSrvMux, 1, { seq: 1, payload })],
    ['a drain notice', ['r', 'ms'], (payload) => frameOf(Op.Disconnect, 0, { payload })],
    ['a ping', ['t'], (payload) => frameOf(Op.Ping, 0, { payload })],
    ['a pong', ['nf', 'e', 't'], (payload) => frameOf(Op.Pong, 0, { payload })],
    ['a cancel', [], (payload) => frameOf(Op.DisconnectServerMux, 1, { payload, extra: payload })],
    ['an item', err, (extra) => frameOf(Op.MuxClientMsg, 1, { seq: 1, flags: failed, extra })],
  ];

  // What is beside a payload belongs to one call, whose frame has its bounds.
  const ofOneCall = new Set(['the metadata of a request', 'the opening of a stream', 'an item']);

  it.each(places)('in %s affect no other call', async (place, keys, frame) => {
    const at = await scene();
    const { network, manager } = at;
    let peer = evil(network, manager);
    await network.settle();
    for (const bytes of hostileBytes(keys)) {
      if (!peer.isOpen()) peer = evil(network, manager);
      await network.settle();
      await peer.send(fromCaller.connectMux(1, { handler: 3 }));
      await peer.send(frame(bytes));
      if (ofOneCall.has(place)) expect(peer.isOpen()).toBe(true);
      if (peer.isOpen()) {
        await peer.send(fromCaller.cancel(9));
        await peer.send(fromCaller.cancel(1));
      }
    }
    await peer.leave();
    await expectUnharmed(at);
  });

  // A map with a key that is not known is none.
  const undecodable = garbage.filter((bytes) => bytes[1] !== 0xa9);

  it.each(undecodable.map((bytes) => [Buffer.from(bytes.subarray(0, 20)).toString('hex'), bytes] as const))(
    'refuse a call with undecodable metadata, %s, run no handler, and leave the host running',
    async (_, extra) => {
      const at = await scene();
      const peer = evil(at.network, at.manager);
      await at.network.settle();
      await peer.send(fromCaller.request(9, { handler: 1, extra }));
      await peer.send(fromCaller.connectMux(11, { handler: 3, extra }));
      const refused = peer.frames.filter(({ op }) => op === Op.MuxConnectError);
      expect(refused.map(({ muxId }) => muxId)).toStrictEqual([9, 11]);
      for (const each of refused) {
        expect(decodeCallError(each.extra!, 1_000)).toMatchObject({ code: expect.any(String), sent: false });
      }
      expect([peer.isOpen(), at.runs()]).toStrictEqual([true, 0]);
      await peer.send(fromCaller.request(12, { handler: 1, payload: 'x' }));
      expect(peer.frames.map(lineOf).at(-1)).toBe('Response 12 Eof "x"');
      await peer.leave();
      await expectUnharmed(at);
    },
  );

  it.each<[string, Record<string, string>]>([
    ['without a name', { '': 'x' }],
    ['with control characters', { key: 'a\nb' }],
    ['with control characters in a name', { 'a\u001b': 'x' }],
    ['that is too large', { key: 'x'.repeat(9_000) }],
    ['with a name that is too long', { ['k'.repeat(257)]: 'x' }],
    ['with too many entries', Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`k${String(n)}`, '']))],
  ])('refuse a call with metadata %s, run no handler, and leave the host running', async (_, meta) => {
    const at = await scene();
    const peer = evil(at.network, at.manager);
    await at.network.settle();
    const extra = metaOf(meta);
    await peer.send(fromCaller.request(9, { handler: 1, extra }));
    await peer.send(fromCaller.connectMux(11, { handler: 3, extra }));
    expect(peer.frames.filter(({ op }) => op === Op.MuxConnectError).map(({ muxId }) => muxId)).toStrictEqual([9, 11]);
    expect([peer.isOpen(), at.runs()]).toStrictEqual([true, 0]);
    await peer.send(fromCaller.request(12, { handler: 1, payload: 'x' }));
    expect(peer.frames.map(lineOf).at(-1)).toBe('Response 12 Eof "x"');
    await peer.leave();
    await expectUnharmed(at);
  });
});

describe('malformed bytes from a callee', () => {
  type Place = readonly [string, readonly string[], 'request' | 'stream', (id: MuxId, bytes: Uint8Array) => Frame];
  const refusal = encodeConnectError('no');
  const places: readonly Place[] = [
    [
      'beside the error of a response',
      err,
      'request',
      (id, extra) => frameOf(Op.Response, id, { flags: failed, extra }),
    ],
    [
      'beside the error of a stream',
      err,
      'stream',
      (id, extra) => frameOf(Op.MuxServerMsg, id, { seq: 1, flags: failed, extra }),
    ],
    ['beside a refusal', err, 'request', (id, extra) => frameOf(Op.MuxConnectError, id, { payload: refusal, extra })],
    [
      'beside the refusal of a stream',
      err,
      'stream',
      (id, extra) => frameOf(Op.MuxConnectError, id, { payload: refusal, extra }),
    ],
    ['as a refusal', ['Error'], 'stream', (id, payload) => frameOf(Op.MuxConnectError, id, { payload })],
    [
      'in the ack of a stream',
      ['in', 'inBytes', 'out', 'outBytes'],
      'stream',
      (id, payload) => frameOf(Op.AckMux, id, { payload }),
    ],
    ['in the credits of an input', [], 'stream', (id, payload) => frameOf(Op.UnblockClMux, id, { seq: 1, payload })],
    ['in a drain notice', ['r', 'ms'], 'stream', (_, payload) => frameOf(Op.Disconnect, 0, { payload })],
    ['in the pong of a stream', ['nf', 'e', 't'], 'stream', (id, payload) => frameOf(Op.Pong, id, { payload })],
  ];

  it.each(places)('%s end at most their own call, once, and affect no other', async (place, keys, kind, frame) => {
    const at = await scene();
    const { network, manager } = at;
    let peer = evil(network, manager);
    await network.settle();
    for (const bytes of hostileBytes(keys)) {
      if (!peer.isOpen()) peer = evil(network, manager);
      await network.settle();
      const connection = manager.connection('evil');
      const ends: unknown[] = [];
      const observer = { error: (error: unknown) => ends.push(error), complete: () => ends.push(undefined) };
      const before = peer.frames.length;
      const call = (
        kind === 'request' ? connection.request(echo, nothing) : connection.exchange(talk, nothing, NEVER)
      ).subscribe(observer);
      await network.settle();
      const opening = peer.frames.slice(before).find(({ op }) => op === Op.Request || op === Op.ConnectMux);
      // After a drain notice it takes no calls, and is left.
      if (opening === undefined) {
        expect(ends).toMatchObject([{ code: 'unavailable' }]);
        await peer.leave();
        continue;
      }
      await peer.send(frame(opening.muxId, bytes));
      expect(ends.length).toBeLessThanOrEqual(1);
      for (const error of ends) expect(error).toMatchObject({ code: expect.any(String), route: expect.any(String) });
      if (!peer.isOpen()) expect(ends).toHaveLength(1);
      if (place.startsWith('beside')) expect([peer.isOpen(), ends.length]).toStrictEqual([true, 1]);
      call.unsubscribe();
    }
    // Its calls end with it.
    peer = evil(network, manager);
    await network.settle();
    const stream = manager
      .connection('evil')
      .stream(silent, nothing)
      .subscribe({ error: () => undefined });
    await network.settle();
    await peer.leave();
    expect(stream.closed).toBe(true);
    await expectUnharmed(at);
  });
});
