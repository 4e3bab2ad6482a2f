/**
 * The other end of one recorded connection, played from the recording: the frames that it sent go to the host again.
 *
 *     its own calls        Request, items, credit, cancel: each at its time; credit not before the items that it is for
 *     calls of the host    the n-th call of a route gets what the n-th one got, as long after it as it did then
 */

import { Subscription } from 'rxjs';
import { answerPing } from '../../connection/keepalive.js';
import { callerOf, endOf, type RecordedCall } from '../../recording/recorded-calls.js';
import type { FrameRecord } from '../../recording/records.js';
import type { Runtime } from '../../runtime.js';
import { linkedSockets } from '../../transport/memory-socket.js';
import type { Socket } from '../../transport/socket.js';
import { encodeConnectError, encodePong } from '../../wire/payloads/control.js';
import { encodeFrame } from '../../wire/encode.js';
import { emptyPayload, type Frame, type MuxId } from '../../wire/frame.js';
import { Flag, Op, opensMux } from '../../wire/ops.js';
import { subrouteKey } from '../../wire/subroute.js';
import { frame as newFrame } from '../frames/frame-builders.js';
import { framesOf } from '../frames/wire-log.js';

/** Options of a {@link PlayedPeer}. */
export interface PlayedPeerOptions {
  readonly runtime: Runtime;
  /** The calls of its connection. */
  readonly calls: readonly RecordedCall[];
  /** The time of the clock at which the recording begins. */
  readonly start: number;
  /** Called with each frame that the host sends, and each that the peer sends. */
  readonly onFrame: (by: 'local' | 'remote', frame: Frame) => void;
}

/** A recorded call of the host, from which one of its calls is answered. */
interface Answers {
  readonly call: RecordedCall;
  taken: boolean;
}

/** Plays the other end of one recorded connection. */
export class PlayedPeer {
  /** The end of the host. */
  readonly socket: Socket;
  readonly #options: PlayedPeerOptions;
  readonly #end: Socket;
  readonly #work = new Subscription();
  readonly #answers: readonly Answers[];
  readonly #sending = new Map<MuxId, CallSender>();
  readonly #answering = new Map<MuxId, CallSender>();

  constructor(options: PlayedPeerOptions) {
    this.#options = options;
    const { calls, runtime } = options;
    [this.socket, this.#end] = linkedSockets((task) => runtime.schedule(task, 0));
    this.#answers = calls.filter(({ by, opening }) => by === 'local' && opening !== undefined).map(unanswered);
    this.#work.add(
      this.#end.inbound.subscribe({
        next: (message) => {
          for (const frame of framesOf(message)) this.#receive(frame);
        },
        error: () => {
          this.close();
        },
      }),
    );
  }

  /** Sends what is due, once the host listens. */
  start(): void {
    const { calls, start } = this.#options;
    for (const call of calls) {
      if (call.by !== 'remote' || call.opening === undefined) continue;
      const sender = this.#sender(call, call.mux, start);
      this.#sending.set(call.mux, sender);
      sender.go();
    }
  }

  /** The connection closes, as it did in the recording. */
  close(): void {
    this.#work.unsubscribe();
    this.#end.outbound.complete();
  }

  #sender(call: RecordedCall, mux: MuxId, start: number): CallSender {
    const { runtime } = this.#options;
    const sender: CallSender = new CallSender(runtime, call, start, (record, seq) => {
      this.#send(toFrame(record, mux, seq));
    });
    this.#work.add(() => {
      sender.stop();
    });
    return sender;
  }

  #receive(frame: Frame): void {
    const { op, muxId, payload, seq, deadlineMs } = frame;
    if (op === Op.Ping && muxId === 0) {
      this.#send({ ...newFrame(Op.Pong, 0, { payload: answerPing(payload), seq }), deadlineMs });
      return;
    }
    if (muxId === 0) return;
    this.#options.onFrame('local', frame);
    if (callerOf({ op, by: 'local' }) === 'remote') this.#sending.get(muxId)?.received(frame);
    else if (opensMux(op)) this.#answer(frame);
    else if (op === Op.Ping) this.#pong(frame);
    else this.#answering.get(muxId)?.received(frame);
  }

  #answer(opening: Frame): void {
    const { muxId } = opening;
    const found = this.#answers.find(({ taken, call }) => !taken && isSameRoute(call.opening!, opening));
    if (found === undefined) {
      const text = 'The recording has no further call of this route, so it is not known what the answer would be.';
      this.#send(newFrame(Op.MuxConnectError, muxId, { payload: encodeConnectError(text) }));
      return;
    }
    found.taken = true;
    const text = unknownAnswer(found.call);
    if (text !== undefined) {
      this.#send(newFrame(Op.MuxConnectError, muxId, { payload: encodeConnectError(text) }));
      return;
    }
    const { runtime } = this.#options;
    const sender = this.#sender(found.call, muxId, runtime.now() - found.call.opening!.t);
    this.#answering.set(muxId, sender);
    sender.go();
  }

  // The pings of a stream come when the host wants, not as in the recording.
  #pong({ muxId }: Frame): void {
    const answered = this.#answering.get(muxId);
    if (answered === undefined) return;
    const payload = encodePong({ unknown: false, error: undefined, time: undefined });
    this.#send(newFrame(Op.Pong, muxId, { seq: answered.nextSeq(), payload }));
  }

  #send(frame: Frame): void {
    if (this.#work.closed) return;
    if (frame.muxId !== 0) this.#options.onFrame('remote', frame);
    this.#end.outbound.next(encodeFrame(frame));
  }
}

/**
 * True where the other end sent a payload that was too large to be recorded. An empty one in its place would be another
 * call.
 */
export function lacksPayloads({ frames }: RecordedCall): boolean {
  return frames.some(({ by, payload }) => by === 'remote' && payload === undefined);
}

/** Why the answer to a recorded call of the host is not known; undefined where it is. */
function unknownAnswer(call: RecordedCall): string | undefined {
  if (call.incomplete) return 'The recording lacks records of this call, so it is not known what the answer was.';
  if (!lacksPayloads(call)) return undefined;
  return 'The recording has the answer without a payload, which was too large to be recorded.';
}

function unanswered(call: RecordedCall): Answers {
  return { call, taken: false };
}

/** Sends what one side of a recorded call sent, at its times. */
class CallSender {
  readonly #runtime: Runtime;
  readonly #start: number;
  readonly #send: (record: FrameRecord, seq: number) => void;
  // What is still to be sent, with the number of items of the host that were there before.
  readonly #left: { readonly record: FrameRecord; readonly after: number }[] = [];
  #items = 0;
  #seq = 1;
  #cancel = (): void => undefined;

  constructor(runtime: Runtime, call: RecordedCall, start: number, send: (record: FrameRecord, seq: number) => void) {
    this.#runtime = runtime;
    this.#start = start;
    this.#send = send;
    let items = 0;
    for (const record of call.frames) {
      if (record.by === 'local') items += isItem(record.op) ? 1 : 0;
      else if (record.op !== Op.Ping && record.op !== Op.Pong) this.#left.push({ record, after: items });
    }
  }

  /** Sends what is due, and waits for the rest. */
  go(): void {
    this.#cancel();
    for (let at = 0; at < this.#left.length;) {
      const { record, after } = this.#left[at]!;
      const wait = record.t + this.#start - this.#runtime.now();
      if (wait > 0) {
        this.#cancel = this.#runtime.schedule(() => {
          this.go();
        }, wait);
        return;
      }
      // Credit for items that the host has not sent yet would be too much.
      if (isCredit(record.op) && this.#items < after) {
        at++;
        continue;
      }
      this.#left.splice(at, 1);
      this.#send(record, isSequenced(record.op) ? this.nextSeq() : 0);
    }
  }

  /** The host has sent a frame of this call. */
  received(frame: Frame): void {
    if (endOf(frame) !== undefined) {
      this.stop();
      return;
    }
    if (!isItem(frame.op)) return;
    this.#items++;
    this.go();
  }

  nextSeq(): number {
    return this.#seq++;
  }

  stop(): void {
    this.#cancel();
    this.#left.length = 0;
  }
}

function isItem(op: number): boolean {
  return op === Op.MuxServerMsg || op === Op.MuxClientMsg;
}

function isCredit(op: number): boolean {
  return op === Op.UnblockClMux || op === Op.UnblockSrvMux;
}

function isSequenced(op: number): boolean {
  return isItem(op) || isCredit(op);
}

function isSameRoute(recorded: FrameRecord, opening: Frame): boolean {
  const keyOf = ({ subroute }: Pick<Frame, 'subroute'>): string =>
    subroute === undefined ? '' : subrouteKey(subroute);
  return recorded.op === opening.op && recorded.handler === opening.handler && keyOf(recorded) === keyOf(opening);
}

function toFrame(record: FrameRecord, muxId: MuxId, seq: number): Frame {
  const { op, deadlineMs, handler, flags, payload = emptyPayload, subroute, extra } = record;
  // The connection in memory carries no checksums.
  return { muxId, seq, deadlineMs, handler, op, flags: flags & ~Flag.Crc, payload, subroute, extra };
}
