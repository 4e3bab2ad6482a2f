/**
 * Answers frames for a mux that has ended or never existed: wire protocol, section 7.
 *
 *     from a caller      data, or a cancel of what is still queued ──▶ DisconnectClientMux      Ping ──▶ Pong "unknown"
 *     from a responder   data, AckMux, Pong ──▶ DisconnectServerMux
 *     all other frames are counted and ignored
 */

import { encodePong } from '../wire/payloads/control.js';
import { emptyPayload, type FrameView, type MuxId } from '../wire/frame.js';
import { Op } from '../wire/ops.js';
import type { Schedule } from './schedule/schedule.js';

/** Answers frames for a mux that has ended or never existed. */
export class UnknownMux {
  readonly #schedule: Schedule;
  readonly #stats: { unknownMuxFrames: number };
  readonly #scheduleFlush: () => void;
  // The last disconnect of this turn: a burst of data for one mux gets one answer, and none after a cancel.
  #lastGoneId: MuxId = 0;
  #lastGoneOp = 0;

  /** `scheduleFlush` makes what was sent leave at the end of this turn. */
  constructor(schedule: Schedule, stats: { unknownMuxFrames: number }, scheduleFlush: () => void) {
    this.#schedule = schedule;
    this.#stats = stats;
    this.#scheduleFlush = scheduleFlush;
  }

  /** A new turn of the event loop begins: the same answer may be sent again. */
  beginTurn(): void {
    this.#lastGoneOp = 0;
  }

  /** Tells the other side that this end of a mux is gone; once a turn. */
  sendDisconnect(muxId: MuxId, op: number): void {
    if (this.#lastGoneOp === op && this.#lastGoneId === muxId) return;
    this.#lastGoneId = muxId;
    this.#lastGoneOp = op;
    this.#schedule.sendControl(muxId, op, 0, emptyPayload);
    this.#scheduleFlush();
  }

  /** A responder that sends data, AckMux or Pong still holds a mux that this side has dropped. */
  answerResponder({ op, muxId }: FrameView): void {
    this.#stats.unknownMuxFrames++;
    if (op === Op.MuxServerMsg || op === Op.AckMux || op === Op.Pong)
      this.sendDisconnect(muxId, Op.DisconnectServerMux);
  }

  /** A caller addresses a mux that this side does not have. */
  answerCaller({ op, muxId, seq, deadlineMs }: FrameView): void {
    this.#stats.unknownMuxFrames++;
    // The queued end of the mux carries more information, and must not be overtaken by a bare disconnect.
    if (op !== Op.DisconnectServerMux && this.#schedule.isLeaving(muxId)) return;
    switch (op) {
      case Op.Ping: {
        const payload = encodePong({ unknown: true, error: undefined, time: undefined });
        this.#schedule.sendControl(muxId, Op.Pong, 0, payload, seq, { deadlineMs, handler: 0 });
        this.#scheduleFlush();
        break;
      }
      case Op.DisconnectServerMux:
        // A cancel removes the frames that a finished handler left in the schedule. A unary call has no clean-up frame.
        if (this.#schedule.cancelLeaving(muxId) === 'streams') this.sendDisconnect(muxId, Op.DisconnectClientMux);
        break;
      case Op.MuxClientMsg:
        this.sendDisconnect(muxId, Op.DisconnectClientMux);
        break;
      default:
    }
  }
}
