import { Flag, Op } from '../../../lib/wire/ops.js';
import { encodeAck } from '../../../lib/wire/payloads/window-payloads.js';
import { usualLimits } from '../limits.js';
import { called, codeOf, isError, open, type Battle } from './battle.js';
import { probeHanging, probeStream, probeUnary } from './probe-routes.js';

const bytes = new Uint8Array(8);
/** Not a map, and so no extension of an opening. */
const noExtension = Uint8Array.of(0xc1, 1, 2);
/** More than the default `maxUnaryBytes` and `maxMetaBytes`. */
const tooMany = (4 << 20) + 1;
const tooMuchMeta = 20_000;
/** Ms in which that comes over a slow line. */
const slowly = 40_000;
/** Ids that no counter gives. */
const ids = [7, 70_000, 5_000_000, 2 ** 31 + 5];

/** Attacks with single frames that no engine of this library sends. */
export const frameAttacks: Readonly<Record<string, (battle: Battle) => Promise<void>>> = {
  'opens with what is no extension': async ({ peer, soon, expect }) => {
    peer.send({ op: Op.Request, handler: probeUnary.id!, payload: bytes, flags: Flag.Eof, extra: noExtension });
    peer.send({ op: Op.ConnectMux, muxId: 2, handler: probeStream.id!, payload: bytes, extra: noExtension });
    peer.send({ op: Op.Request, muxId: 3, handler: probeUnary.id!, payload: bytes, flags: Flag.Eof });
    const refused = (): boolean => [1, 2].every((mux) => peer.of(Op.MuxConnectError, mux).length === 1);
    expect(await peer.until(refused, soon), 'openings with an extension that is none were not refused');
    expect(await peer.until(() => peer.of(Op.Response, 3).length === 1, soon), 'another call was not answered');
  },
  'sends more metadata than it may': async ({ peer, soon, expect }) => {
    const extra = new Uint8Array(tooMuchMeta);
    peer.send({ op: Op.Request, handler: probeUnary.id!, payload: bytes, flags: Flag.Eof, extra });
    const refused = (): boolean => peer.of(Op.MuxConnectError).length === 1;
    expect(await peer.until(refused, soon + 1_000), 'metadata beyond maxMetaBytes was not refused');
  },
  'sends a request that is too large': async ({ peer, expect }) => {
    peer.send({ op: Op.Request, handler: probeUnary.id!, payload: new Uint8Array(tooMany), flags: Flag.Eof });
    const refused = (): boolean => peer.of(Op.MuxConnectError).length === 1 || peer.closed;
    await peer.until(refused, slowly);
    expect(refused(), 'a request beyond maxUnaryBytes was not refused');
  },
  'sends an item that is too large': async ({ peer, expect }) => {
    open(peer);
    peer.send({ op: Op.MuxClientMsg, seq: 1, payload: new Uint8Array(tooMany) });
    const ended = (): boolean => peer.of(Op.MuxServerMsg).some(isError) || peer.closed;
    await peer.until(ended, slowly);
    expect(ended(), 'an item beyond maxUnaryBytes did not end its stream');
  },
  'chooses its ids': async ({ peer, soon, expect }) => {
    for (const muxId of ids) {
      peer.send({ op: Op.Request, muxId, handler: probeUnary.id!, payload: bytes, flags: Flag.Eof });
      peer.send({ op: Op.Request, muxId: muxId + 1, handler: probeHanging.id!, payload: bytes, flags: Flag.Eof });
    }
    const answered = (): boolean => ids.every((muxId) => peer.of(Op.Response, muxId).length === 1);
    expect(await peer.until(answered, soon), 'calls with ids of any size were not answered');
    for (const muxId of ids) peer.send({ op: Op.DisconnectServerMux, muxId: muxId + 1 });
    await peer.wait(soon);
  },
  'cancels more than it may': async ({ peer, soon, expect }) => {
    // Some become due again while they are on their way.
    for (let muxId = 1; muxId <= 2 * usualLimits.maxCancelsPerSecond; muxId++) {
      peer.send({ op: Op.Request, muxId, handler: probeUnary.id!, payload: bytes, flags: Flag.Eof });
      peer.send({ op: Op.DisconnectServerMux, muxId });
    }
    await peer.until(() => peer.closed, soon);
    expect(peer.closed, 'more cancels than maxCancelsPerSecond did not end the connection');
  },
  'answers with details that do not parse': async (battle) => {
    const { peer, connection, soon, expect } = battle;
    const code = codeOf(connection.request(probeUnary, bytes, { timeout: 10_000 }));
    await peer.until(() => peer.of(Op.Request).length > 0, soon);
    const flags = Flag.Eof | Flag.PayloadIsErr;
    peer.send({ op: Op.Response, flags, payload: new TextEncoder().encode('broken'), extra: noExtension });
    const ended = await code;
    expect(ended !== 'completed' && ended !== 'protocol', `a failure whose details do not parse: ${ended}`);
    expect(!peer.closed, 'it has ended the connection');
  },
  'answers with more than a call takes': async (battle) => {
    const { peer, connection, soon, expect } = battle;
    const unary = codeOf(connection.request(probeUnary, bytes, { timeout: slowly }));
    await peer.until(() => peer.of(Op.Request).length > 0, soon);
    peer.send({ op: Op.Response, flags: Flag.Eof, payload: new Uint8Array(tooMany) });
    const ended = await unary;
    expect(ended === 'limit' || ended === 'disconnected', `a response beyond maxUnaryBytes: ${ended}`);
  },
  'answers a stream with an item that is too large': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle, { timeout: slowly });
    peer.send({ op: Op.AckMux, payload: encodeAck({ in: 2, inBytes: 1 << 20, out: 4, outBytes: 1 << 20 }) });
    peer.send({ op: Op.MuxServerMsg, seq: 1, payload: new Uint8Array(tooMany) });
    const ended = await code;
    expect(ended === 'limit' || ended === 'disconnected', `an item beyond maxUnaryBytes: ${ended}`);
  },
  'ignores the input of a stream': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle);
    peer.send({ op: Op.AckMux, payload: encodeAck({ in: 0, inBytes: 0, out: 4, outBytes: 1 << 20 }) });
    peer.send({ op: Op.MuxServerMsg, seq: 1, flags: Flag.Eof });
    const ended = await code;
    expect(ended === 'completed' || ended === 'disconnected', `a stream without its input: ${ended}`);
  },
};
