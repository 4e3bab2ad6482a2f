import { defaultLimits } from '../../../lib/limits.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { decodePong, encodeConnectError, encodePong } from '../../../lib/wire/payloads/control.js';
import { encodeText } from '../../../lib/mux/unary.js';
import { encodeAck, encodeCredit } from '../../../lib/wire/payloads/window-payloads.js';
import { called, codeOf, isError, open, type Battle } from './battle.js';
import { frameAttacks } from './frame-attacks.js';
import { probeHanging, probeOutput, probeStream, probeUnary } from './probe-routes.js';
import type { RawPeer } from './raw-peer.js';

const bytes = new Uint8Array(8);
const ack = (peer: RawPeer): void => {
  peer.send({ op: Op.AckMux, payload: encodeAck({ in: 2, inBytes: 1 << 20, out: 4, outBytes: 1 << 20 }) });
};
const item = (peer: RawPeer, seq: number, flags = 0): void => {
  peer.send({ op: Op.MuxServerMsg, seq, flags, payload: flags === 0 ? bytes : encodeText('broken') });
};

/** Each breaks one rule, and knows what a host does about it. */
export const attacks: Readonly<Record<string, (battle: Battle) => Promise<void>>> = {
  ...frameAttacks,
  'opens a mux twice': async ({ peer, probes, soon, expect }) => {
    open(peer);
    open(peer);
    await peer.wait(soon);
    expect(peer.of(Op.AckMux).length === 1, `${peer.of(Op.AckMux).length} AckMux for two openings of one mux`);
    const { started } = probes.of(peer.name);
    expect(started <= 1, `${started} handlers for two openings of one mux`);
  },
  'sends more than the window holds': async ({ peer, soon, expect }) => {
    open(peer);
    for (let seq = 1; seq <= 4; seq++) peer.send({ op: Op.MuxClientMsg, seq, payload: bytes });
    const ended = (): boolean => peer.of(Op.MuxServerMsg).some(isError);
    expect(await peer.until(ended, soon), 'items beyond the window of an input did not end its stream');
  },
  'leaves a sequence number out': async ({ peer, soon, expect }) => {
    open(peer);
    peer.send({ op: Op.MuxClientMsg, seq: 2, payload: bytes });
    const ended = (): boolean => peer.of(Op.MuxServerMsg).some(isError);
    expect(await peer.until(ended, soon), 'a sequence number that is missing did not end the stream');
  },
  'sends input to a route without': async ({ peer, soon, expect }) => {
    open(peer, probeOutput.id, Flag.Eof);
    peer.send({ op: Op.MuxClientMsg, seq: 1, payload: bytes });
    const ended = (): boolean => peer.of(Op.MuxServerMsg).some(isError);
    expect(await peer.until(ended, soon), 'input of a route without did not end the stream');
  },
  'pings streams': async ({ peer, soon, expect }) => {
    open(peer);
    peer.send({ op: Op.Ping, seq: 1 });
    peer.send({ op: Op.Ping, seq: 1, muxId: 77 });
    await peer.until(() => peer.of(Op.Pong).length > 0 && peer.of(Op.Pong, 77).length > 0, soon);
    const known = peer.of(Op.Pong).map(({ payload }) => decodePong(payload).unknown);
    const unknown = peer.of(Op.Pong, 77).map(({ payload }) => decodePong(payload).unknown);
    expect(known[0] === false, 'the Ping of an open stream was not answered, or as that of an unknown one');
    expect(unknown[0] === true, 'the Ping of an unknown stream was not answered, or as that of an open one');
  },
  'says nothing for long': async ({ peer, probes, expect }) => {
    open(peer);
    const dropped = (): boolean => peer.of(Op.DisconnectClientMux).length > 0;
    expect(await peer.until(dropped, 90_000), 'a caller that says nothing was not given up');
    await peer.wait(1);
    expect(probes.of(peer.name).running === 0, 'the handler of a caller that was given up still runs');
  },
  'sets deadlines, and does not cancel': async ({ peer, probes, expect }) => {
    peer.send({ op: Op.Request, handler: probeHanging.id!, deadlineMs: 300, payload: bytes, flags: Flag.Eof });
    peer.send({ op: Op.ConnectMux, muxId: 2, handler: probeStream.id!, deadlineMs: 300, payload: bytes });
    await peer.wait(1_500);
    expect(probes.of(peer.name).running === 0, 'handlers run after the deadlines of their calls');
  },
  'grants more credit than a window has': async ({ peer, soon, expect }) => {
    open(peer, probeOutput.id, Flag.Eof);
    peer.send({ op: Op.UnblockSrvMux, seq: 1, payload: encodeCredit(100_000) });
    await peer.wait(soon);
    // Those of the window at first, and of a full one afterwards.
    expect(peer.of(Op.MuxServerMsg).length <= 8, `${peer.of(Op.MuxServerMsg).length} items for a window of 4`);
  },
  'calls what is not there': async ({ peer, soon, expect }) => {
    peer.send({ op: Op.Request, handler: 89, payload: bytes, flags: Flag.Eof });
    peer.send({ op: Op.Request, muxId: 2, handler: probeStream.id!, payload: bytes, flags: Flag.Eof });
    peer.send({ op: Op.ConnectMux, muxId: 3, handler: probeStream.id!, flags: Flag.Stateless, payload: bytes });
    const refused = (): boolean => [1, 2, 3].every((mux) => peer.of(Op.MuxConnectError, mux).length === 1);
    expect(await peer.until(refused, soon), 'calls that are not possible were not refused');
  },
  'sends to muxes that are not there': async ({ peer, soon, expect }) => {
    peer.send({ op: Op.MuxClientMsg, seq: 1, payload: bytes });
    peer.send({ op: Op.MuxServerMsg, muxId: 2, seq: 1, payload: bytes });
    peer.send({ op: Op.DisconnectServerMux, muxId: 3 });
    peer.send({ op: Op.DisconnectClientMux, muxId: 4 });
    peer.send({ op: Op.Response, muxId: 5, payload: bytes });
    peer.send({ op: 99, muxId: 6 });
    const answered = (): boolean =>
      peer.of(Op.DisconnectClientMux).length > 0 && peer.of(Op.DisconnectServerMux, 2).length > 0;
    expect(await peer.until(answered, soon), 'frames of unknown muxes were not answered');
    peer.send({ op: Op.Request, muxId: 9, handler: probeUnary.id!, payload: bytes, flags: Flag.Eof });
    expect(await peer.until(() => peer.of(Op.Response, 9).length === 1, soon), 'a call after strays was not answered');
  },
  'sends garbage': async ({ peer, soon, expect }) => {
    peer.sendBytes(Uint8Array.of(0xc1, 1, 2, 3));
    await peer.until(() => peer.closed, soon);
    expect(peer.closed, 'a message that is none did not end the connection');
  },
  'does not say who it is': async ({ knock, soon, expect }) => {
    const stranger = await knock();
    if (stranger === undefined) return;
    await stranger.until(() => stranger.closed, defaultLimits.handshakeTimeout + soon);
    expect(stranger.closed, 'a socket without a Connect was not closed');
    stranger.close();
  },
  'opens more calls than it may': async ({ peer, limits: { maxOpenMuxes }, soon, expect }) => {
    for (let muxId = 1; muxId <= maxOpenMuxes + 1; muxId++)
      peer.send({ op: Op.Request, muxId, handler: probeHanging.id!, payload: bytes, flags: Flag.Eof });
    const refused = (): boolean => peer.of(Op.MuxConnectError, maxOpenMuxes + 1).length === 1;
    expect(await peer.until(refused, soon), 'a call beyond maxOpenMuxes was not refused');
    expect(peer.of(Op.MuxConnectError, maxOpenMuxes).length === 0, 'a call within maxOpenMuxes was refused');
  },
  'fills the memory of the host': async ({ peer, limits: { maxReceiveBytes }, expect }) => {
    const payload = new Uint8Array(maxReceiveBytes / 4);
    for (let muxId = 1; muxId <= 4; muxId++)
      peer.send({ op: Op.Request, muxId, handler: probeHanging.id!, payload, flags: Flag.Eof });
    peer.send({ op: Op.Request, muxId: 5, handler: probeHanging.id!, payload: bytes, flags: Flag.Eof });
    // On a slow line all of that takes its time.
    const refused = (): boolean => peer.of(Op.MuxConnectError, 5).length === 1;
    expect(await peer.until(refused, 60_000), 'a call beyond maxReceiveBytes was not refused');
    expect(peer.of(Op.MuxConnectError, 4).length === 0, 'a call within maxReceiveBytes was refused');
  },
  'acknowledges twice': async (battle) => {
    const { peer, soon, expect } = battle;
    const { code } = await called(battle);
    ack(peer);
    ack(peer);
    await peer.wait(soon);
    expect(peer.of(Op.MuxClientMsg).length <= 2, `${peer.of(Op.MuxClientMsg).length} items for a window of 2`);
    peer.close();
    await code;
  },
  'answers with more than the window holds': async (battle) => {
    const { peer, connection, soon, expect } = battle;
    const stream = connection.open(probeStream, bytes);
    await peer.until(() => peer.of(Op.ConnectMux).length > 0, soon);
    ack(peer);
    for (let seq = 1; seq <= 6; seq++) item(peer, seq);
    const cancelled = (): boolean => peer.of(Op.DisconnectServerMux).length > 0;
    expect(await peer.until(cancelled, soon), 'items beyond the window of an output did not end the call');
    expect((await codeOf(stream)) === 'protocol', 'items beyond the window of an output are no ProtocolError');
  },
  'answers out of sequence': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle);
    ack(peer);
    item(peer, 1);
    item(peer, 3);
    expect((await code) === 'protocol', 'an item that is missing is no ProtocolError');
  },
  'does not know a stream any more': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle);
    ack(peer);
    await peer.until(() => peer.of(Op.Ping).length > 0, 20_000);
    peer.send({ op: Op.Pong, payload: encodePong({ unknown: true, error: undefined, time: undefined }) });
    const ended = await peer.within(code, 5_000);
    expect(ended === 'disconnected', `a stream that the other side does not know: ${ended ?? 'it goes on'}`);
    peer.close();
    await code;
  },
  'never answers a stream': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle);
    const ended = await peer.within(code, 90_000);
    expect(ended === 'disconnected', `a responder that says nothing: ${ended ?? 'it is not given up'}`);
    peer.close();
    await code;
  },
  'refuses a stream': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle);
    peer.send({ op: Op.MuxConnectError, payload: encodeConnectError('no') });
    expect((await code) === 'refused', 'a refusal is no RefusedError');
  },
  'fails a stream': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle);
    ack(peer);
    item(peer, 1);
    item(peer, 2, Flag.Eof | Flag.PayloadIsErr);
    // What comes after the end is a stray.
    item(peer, 3);
    expect((await code) === 'remote', 'the error of a handler is no RemoteError');
    const answered = (): boolean => peer.of(Op.DisconnectServerMux).length > 0;
    expect(await peer.until(answered, battle.soon), 'an item after the end was not answered');
  },
  'drops a stream': async (battle) => {
    const { peer, expect } = battle;
    const { code } = await called(battle);
    ack(peer);
    peer.send({ op: Op.DisconnectClientMux });
    expect((await code) === 'disconnected', 'a stream that was dropped does not end as disconnected');
  },
  'responds twice': async ({ peer, connection, soon, expect }) => {
    const code = codeOf(connection.request(probeUnary, bytes, { timeout: 5_000 }));
    await peer.until(() => peer.of(Op.Request).length > 0, soon);
    peer.send({ op: Op.Response, payload: bytes });
    peer.send({ op: Op.Response, payload: bytes });
    const end = await code;
    expect(end === 'completed', `a call that was answered twice: ${end}`);
  },
};
