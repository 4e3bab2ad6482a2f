import { firstValueFrom, identity, timeout as within, TimeoutError } from 'rxjs';
import { errorText } from '../../errors.js';
import { connectMessage } from '../../connection/handshake.js';
import { whenAborted } from '../../flow/when-aborted.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import type { Runtime } from '../../runtime.js';
import type { Dial, Socket } from '../../transport/socket.js';
import { dialWebSocket } from '../../transport/ws-dial.js';
import { decodeConnectResponse, newProcessId } from '../../wire/payloads/connect.js';
import { decodeFrames } from '../../wire/decode.js';
import { encodeFrame, encodeMerged } from '../../wire/encode.js';
import type { Frame } from '../../wire/frame.js';
import { Flag, isSentByCaller, Op, opName } from '../../wire/ops.js';
import { timestampFromMs } from '../../wire/msgpack/timestamp.js';
import { failureOf } from '../connect/host.js';
import { exitCodes, Failure } from '../exit/failure.js';

/** One recording of two hosts, as `spec/vectors` has it. */
export interface ConformanceRecording {
  readonly name: string;
  readonly about: string;
  readonly messages: readonly { readonly from?: 'dialer' | 'acceptor'; readonly hex?: string }[];
}

/** Bytes of one message of the host at most. */
const maxMessageBytes = 2 ** 24;
/**
 * Frames of answers that are kept, beyond four for each one that the recording has: credit need not come as it did
 * there.
 */
const maxExtraFrames = 1_000;
/** Bytes of the answers that are kept. */
const maxAnswerBytes = 2 ** 26;

/** The host that recordings are played against, and how. */
export interface ConformanceTarget {
  /** URL of the WebSocket, with its path. */
  readonly url: string;
  readonly token: string;
  /** Name of the host that is played: one that the host knows, and that its name makes the dialer. */
  readonly dialer: string;
  /** How long to wait for an answer, in ms. */
  readonly patience: number;
  readonly runtime: Runtime;
  /** Opens the WebSocket. Default: {@link dialWebSocket}. */
  readonly dial?: Dial;
  /** Aborts the attempt; its reason is the error. */
  readonly signal?: AbortSignal;
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

/**
 * Plays the dialer of a recording against a host. The result: how its answers differ; empty where they do not.
 *
 * @throws Failure where there is no connection, or the host refuses it.
 */
export async function playConformance(recording: ConformanceRecording, target: ConformanceTarget): Promise<string[]> {
  const steps = conformanceSteps(recording);
  const socket = await opened(target);
  const recorded = steps.reduce((sum, { expect }) => sum + expect.length, 0);
  const answers = new Answers(socket, target, 4 * recorded + maxExtraFrames);
  try {
    await shakeHands(socket, answers, target);
    const expected: Frame[] = [];
    for (const { send, expect } of steps) {
      expected.push(...expect);
      for (const frames of partsOf(send)) {
        const late = await answers.missing(expected, frames);
        if (late !== undefined) return [late];
        socket.outbound.next(messageOf(frames));
      }
    }
    return [(await answers.missing(expected, [])) ?? [], differences(expected, answers.frames)].flat();
  } finally {
    answers.stop();
    // A host that floods does not stop for a polite close.
    if (answers.failure === undefined) socket.outbound.complete();
    else socket.outbound.error(new Error(answers.failure));
  }
}

async function opened({ url, token, patience, signal, dial = dialWebSocket }: ConformanceTarget): Promise<Socket> {
  const dialed$ = dial(url, { headers: { authorization: `Bearer ${token}` }, maxMessageBytes });
  const aborted$ = signal === undefined ? identity : takeUntilAborted<Socket>(signal);
  try {
    return await firstValueFrom(dialed$.pipe(within(patience), aborted$));
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw failureOf(url, patience, error instanceof TimeoutError ? undefined : error);
  }
}

async function shakeHands(socket: Socket, answers: Answers, target: ConformanceTarget): Promise<void> {
  const { dialer: host, token, runtime } = target;
  const id = newProcessId(runtime);
  socket.outbound.next(connectMessage({ id, host, time: timestampFromMs(runtime.wallNow()), token }));
  const { accepted, rejectedReason } = decodeConnectResponse(await answers.handshake());
  if (!accepted) throw new Failure(`the host refused ${target.dialer}: ${rejectedReason}`, exitCodes.refused);
}

/** One message without checksums, which every host has to accept. */
function messageOf(frames: readonly Frame[]): Uint8Array {
  const encoded = frames.map((frame) => encodeFrame({ ...frame, flags: frame.flags & ~Flag.Crc }, undefined));
  return encoded.length === 1 ? encoded[0]! : encodeMerged(encoded);
}

/** Collects the frames that the host sends. */
class Answers {
  readonly frames: Frame[] = [];
  readonly #target: ConformanceTarget;
  readonly #maxFrames: number;
  readonly #unlisten: () => void;
  #bytes = 0;
  #handshake: Uint8Array | undefined;
  #failure: string | undefined = undefined;
  #changed: () => void = () => undefined;

  constructor(socket: Socket, target: ConformanceTarget, maxFrames: number) {
    this.#target = target;
    this.#maxFrames = maxFrames;
    const abort = (): void => {
      this.#fail('interrupted');
    };
    this.#unlisten = target.signal === undefined ? () => undefined : whenAborted(target.signal, abort);
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

  /** Why no further messages of the host are accepted; undefined while they are. */
  get failure(): string | undefined {
    return this.#failure;
  }

  stop(): void {
    this.#unlisten();
  }

  async handshake(): Promise<Uint8Array> {
    const late = await this.#until(() => this.#handshake !== undefined);
    if (late || this.#handshake === undefined) {
      const { patience } = this.#target;
      const what = this.#failure ?? `it did not answer within ${String(patience / 1_000)} s`;
      throw new Failure(
        `no handshake with the host: ${what}. Is that the WebSocket of a grid?`,
        exitCodes.disconnected,
      );
    }
    return this.#handshake;
  }

  /**
   * Waits until so many frames of each op have come on each mux as the recording has before `next`; says what is
   * missing when that takes too long. Credit matters where an item is sent next: a host need not return that of the
   * last ones.
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
    if (this.#failure !== undefined) return;
    let frames: readonly Frame[];
    try {
      // The memory of the message is reused: frames that are kept are copied.
      frames = decodeFrames(message.slice(), undefined);
    } catch (error) {
      this.#fail(`the host sent a message that cannot be read: ${errorText(error)}`);
      return;
    }
    for (const frame of frames) {
      if (frame.op === Op.ConnectResponse) this.#handshake = frame.payload;
      else if (isAnswer(frame) && !this.#keep(frame)) return;
    }
    this.#changed();
  }

  /** False, and the connection ends, where the host sends more than any answer to the recording can be. */
  #keep(frame: Frame): boolean {
    this.#bytes += frame.payload.length;
    const isTooMuch = this.frames.length >= this.#maxFrames || this.#bytes > maxAnswerBytes;
    if (isTooMuch) {
      this.#fail(`the host sent more than ${String(this.#maxFrames)} frames, or ${String(maxAnswerBytes >> 20)} MiB`);
    } else this.frames.push(frame);
    return !isTooMuch;
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

/**
 * Mux by mux: the same frames in the same order, but for credit, whose place depends on times, and for texts of errors.
 */
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
