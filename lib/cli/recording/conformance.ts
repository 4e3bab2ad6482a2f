import { firstValueFrom, timeout as within } from 'rxjs';
import { errorText } from '../../errors.js';
import { connectMessage } from '../../connection/handshake.js';
import { dialWebSocket } from '../../transport/ws-dial.js';
import type { Runtime } from '../../runtime.js';
import type { Socket } from '../../transport/socket.js';
import { decodeConnectResponse, newProcessId } from '../../wire/payloads/connect.js';
import { decodeFrames } from '../../wire/decode.js';
import { encodeFrame, encodeMerged } from '../../wire/encode.js';
import type { Frame } from '../../wire/frame.js';
import { Flag, isSentByCaller, Op, opName } from '../../wire/ops.js';
import { timestampFromMs } from '../../wire/msgpack/timestamp.js';

/** One recording of two hosts, as `spec/vectors` has it. */
export interface ConformanceRecording {
  readonly name: string;
  readonly about: string;
  readonly messages: readonly { readonly from?: 'dialer' | 'acceptor'; readonly hex?: string }[];
}

/** What playing needs to know of the host. */
export interface ConformanceTarget {
  /** URL of the WebSocket, with its path. */
  readonly url: string;
  readonly token: string;
  /** Name of the host that is played: one that the host knows, and that its name makes the dialer. */
  readonly dialer: string;
  /** How long to wait for an answer, in ms. */
  readonly patience: number;
  readonly runtime: Runtime;
}

const answerOps = new Set<number>([
  Op.Response,
  Op.AckMux,
  Op.MuxConnectError,
  Op.MuxServerMsg,
  Op.UnblockClMux,
  Op.DisconnectClientMux,
]);
const sequencedOps = new Set<number>([Op.MuxServerMsg, Op.UnblockClMux]);

const muxOf = (frame: Frame): string => String(frame.muxId);
const isCall = ({ muxId, op }: Frame): boolean => muxId !== 0 && isSentByCaller(op) && op !== Op.Ping;
const isAnswer = (frame: Frame): boolean => frame.muxId !== 0 && answerOps.has(frame.op);

/** The steps of a recording that concern calls of the dialer: what it sends, and what is answered before it goes on. */
export function conformanceSteps({ messages }: ConformanceRecording): { send: Frame[]; expect: Frame[] }[] {
  return messages.flatMap(({ from, hex }) => {
    if (hex === undefined) return [];
    const frames = decodeFrames(Uint8Array.from(Buffer.from(hex, 'hex')), undefined);
    const send = from === 'dialer' ? frames.filter(isCall) : [];
    const expect = from === 'acceptor' ? frames.filter(isAnswer) : [];
    return send.length + expect.length === 0 ? [] : [{ send, expect }];
  });
}

/** An item may have to wait for credit that the host gives for what stands before it in the same message. */
function partsOf(frames: readonly Frame[]): Frame[][] {
  const parts: Frame[][] = [];
  for (const frame of frames) {
    const last = parts.at(-1);
    if (last === undefined || frame.op === Op.MuxClientMsg) parts.push([frame]);
    else last.push(frame);
  }
  return parts;
}

/** Plays the dialer of a recording against a host. The result: how its answers differ; empty where they do not. */
export async function playConformance(recording: ConformanceRecording, target: ConformanceTarget): Promise<string[]> {
  const headers = { authorization: `Bearer ${target.token}` };
  const dialed = dialWebSocket(target.url, { headers, maxMessageBytes: 2 ** 24 });
  const socket = await firstValueFrom(dialed.pipe(within(target.patience)));
  const answers = new Answers(socket, target);
  try {
    await shakeHands(socket, answers, target);
    const expected: Frame[] = [];
    for (const { send, expect } of conformanceSteps(recording)) {
      expected.push(...expect);
      for (const frames of partsOf(send)) {
        const late = await answers.missing(expected, frames);
        if (late !== undefined) return [late];
        socket.outbound.next(messageOf(frames));
      }
    }
    return [(await answers.missing(expected, [])) ?? [], differences(expected, answers.frames)].flat();
  } finally {
    socket.outbound.complete();
  }
}

async function shakeHands(socket: Socket, answers: Answers, target: ConformanceTarget): Promise<void> {
  const { dialer: host, token, runtime } = target;
  const id = newProcessId(runtime);
  socket.outbound.next(connectMessage({ id, host, time: timestampFromMs(runtime.wallNow()), token }));
  const { accepted, rejectedReason } = decodeConnectResponse(await answers.handshake());
  if (!accepted) throw new Error(`The host refused ${target.dialer}: ${rejectedReason}`);
}

/** One message without checksums, which every host has to accept. */
function messageOf(frames: readonly Frame[]): Uint8Array {
  const encoded = frames.map((frame) => encodeFrame({ ...frame, flags: frame.flags & ~Flag.Crc }, undefined));
  return encoded.length === 1 ? encoded[0]! : encodeMerged(encoded);
}

/** What the host has sent. */
class Answers {
  readonly frames: Frame[] = [];
  readonly #target: ConformanceTarget;
  #handshake: Uint8Array | undefined;
  #failure: string | undefined;
  #changed: () => void = () => undefined;

  constructor(socket: Socket, target: ConformanceTarget) {
    this.#target = target;
    socket.inbound.subscribe({
      next: (message) => {
        this.#take(message);
      },
      error: (error: unknown) => {
        this.#fail(String(error));
      },
      complete: () => {
        this.#fail('the host closed the connection');
      },
    });
  }

  async handshake(): Promise<Uint8Array> {
    const late = await this.#until(() => this.#handshake !== undefined);
    if (late || this.#handshake === undefined)
      throw new Error(this.#failure ?? 'The host did not answer the handshake.');
    return this.#handshake;
  }

  /**
   * Waits until so many frames of each op have come on each mux as the recording has before `next`; says what is missing when that
   * takes too long. Credit matters where an item is sent next: a host need not return that of the last ones.
   */
  async missing(expected: readonly Frame[], next: readonly Frame[]): Promise<string | undefined> {
    const items = new Set(
      next.filter(({ op, flags }) => op === Op.MuxClientMsg && (flags & Flag.Eof) === 0).map(muxOf),
    );
    const isDue = (frame: Frame): boolean =>
      frame.op === Op.UnblockClMux ? items.has(muxOf(frame)) : frame.op !== Op.DisconnectClientMux;
    const lacking = (): Frame | undefined =>
      expected.filter(isDue).find((frame, _, all) => {
        const same = (each: Frame): boolean => each.op === frame.op && muxOf(each) === muxOf(frame);
        return this.frames.filter(same).length < all.filter(same).length;
      });
    await this.#until(() => lacking() === undefined);
    const frame = lacking();
    if (frame === undefined) return undefined;
    const why = this.#failure === undefined ? '' : `: ${this.#failure}`;
    return `no ${frameName(frame)} came${why}`;
  }

  #take(message: Uint8Array): void {
    let frames: readonly Frame[];
    try {
      // The message is lent: what is kept is copied.
      frames = decodeFrames(message.slice(), undefined);
    } catch (error) {
      this.#fail(`the host sent a message that cannot be read: ${errorText(error)}`);
      return;
    }
    for (const frame of frames) {
      if (frame.op === Op.ConnectResponse) this.#handshake = frame.payload;
      else if (isAnswer(frame)) this.frames.push(frame);
    }
    this.#changed();
  }

  #fail(text: string): void {
    this.#failure ??= text;
    this.#changed();
  }

  /** True: it took too long. */
  async #until(condition: () => boolean): Promise<boolean> {
    let late = false;
    const { runtime, patience } = this.#target;
    const cancel = runtime.schedule(() => {
      late = true;
      this.#changed();
    }, patience);
    // `late` is set in between, which the compiler does not see.
    const isLate = (): boolean => late;
    while (!condition() && this.#failure === undefined && !isLate()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    cancel();
    return isLate();
  }
}

/** Mux by mux: the same frames in the same order, but for credit, whose place depends on times, and for texts of errors. */
function differences(expected: readonly Frame[], received: readonly Frame[]): string[] {
  const muxes = [...new Set(expected.map(muxOf))];
  return muxes.flatMap((mux) => {
    const wanted = expected.filter((frame) => muxOf(frame) === mux);
    const got = received.filter((frame) => muxOf(frame) === mux);
    const [before, after] = [wanted, got].map((frames) => frames.filter(isCompared).map(frameName));
    const at = before!.findIndex((text, index) => text !== after![index]);
    if (at >= 0) return [`mux ${mux}: ${after![at] ?? 'nothing'} instead of ${before![at]!}`];
    const gap = got.filter(({ op }) => sequencedOps.has(op)).findIndex(({ seq }, index) => seq !== index + 1);
    return gap >= 0 ? [`mux ${mux}: the sequence numbers have a gap at ${String(gap + 1)}`] : [];
  });
}

/** A host may give credit, and answer a frame that came too late; it need not. */
const isCompared = ({ op }: Frame): boolean => op !== Op.UnblockClMux && op !== Op.DisconnectClientMux;

function frameName({ op, flags, payload }: Frame): string {
  const shown = (['Eof', 'PayloadIsErr', 'PayloadIsZero'] as const).filter((name) => (flags & Flag[name]) !== 0);
  const hex = Buffer.from(payload.subarray(0, 32)).toString('hex');
  const isText = op === Op.MuxConnectError || (flags & Flag.PayloadIsErr) !== 0;
  const size = payload.length > 32 ? `… (${String(payload.length)} bytes)` : '';
  return [opName(op) ?? String(op), ...shown, isText || op === Op.AckMux ? '' : `${hex}${size}`].join(' ').trim();
}
