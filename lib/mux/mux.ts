import type { GridError, RefusedError } from '../errors.js';
import type { OnThrown } from '../guard.js';
import type { Limits } from '../limits.js';
import type { Marks } from '../runtime.js';
import type { MuxId } from '../wire/frame.js';
import type { ReceiveAccount } from './receive-account.js';
import type { FrameOwner, LaneName, OwnerQueue } from './schedule/owner-queue.js';
import type { Schedule } from './schedule/schedule.js';
import type { WindowExtensions } from './stream/credit.js';
import { TimerEntry, type TimerWheel } from './timer-wheel.js';
import type { Turn } from './turn.js';

/** What a mux needs from its engine. */
export interface MuxHost {
  readonly schedule: Schedule;
  readonly wheel: TimerWheel;
  /** The clock of this turn of the event loop, its flush, and the credit that is sent with it. */
  readonly turn: Turn;
  readonly limits: Limits;
  /** Of simulations. */
  readonly marks: Marks;
  /** Counters that streams update. */
  readonly stats: { creditStalls: number; unanswered: number };
  /** True where both sides announced `ack`: AckMux carries the in capacity. */
  readonly ackCapacity: boolean;
  /** True where both sides announced `err`: error frames carry a code and data. */
  readonly errorDetails: boolean;
  /** Extensions about windows that both sides announced. */
  readonly windows: WindowExtensions;
  /** Takes what a sink threw outside of any frame, mux or timer. */
  readonly onThrown: OnThrown;
  /**
   * Sends a frame that only says that this end of the mux is gone: DisconnectServerMux or DisconnectClientMux. It is
   * sent once a turn, however often it is asked for.
   */
  sendDisconnect(muxId: MuxId, op: number): void;
  /** The received bytes that this connection holds. */
  readonly account: ReceiveAccount;
  /**
   * True: what the other side has sent, or was sent, within the last `ms` may still wait to be read, so that a mux
   * which is silent may have been answered.
   */
  mayBeUnread(ms: number): boolean;
  /**
   * A responder's call has ended, but its handler keeps running, and holds so many bytes, until this promise settles.
   */
  addRunningHandler(bytes: number, until: PromiseLike<unknown>): void;
  /** The error for a lost connection, or for a mux that the other side dropped. */
  disconnected(sent: boolean): GridError;
  /** The error of a call that the other side refused to start. */
  refused(refusal: RefusedError): GridError;
  /** The reason with which handlers are aborted when the connection is lost: one error for all of them. */
  readonly connectionLost: GridError;
}

/**
 * One call of a connection, at one of its two ends. A mux ends exactly once. `ended` is set before any callback is
 * called, so a callback may do anything.
 */
export abstract class Mux extends TimerEntry implements FrameOwner {
  readonly id: MuxId;
  ended = false;
  queue: OwnerQueue | undefined = undefined;
  protected readonly host: MuxHost;

  constructor(host: MuxHost, id: MuxId) {
    super();
    this.host = host;
    this.id = id;
  }

  /** The connection was lost, or closes: ends the mux and sends nothing. */
  abstract disconnect(): void;

  abstract get lane(): LaneName;

  abstract onWritable(): void;

  /** Marks the end. Queued frames still leave, unless `purge` removes them first. */
  protected finish(): void {
    this.ended = true;
    this.host.wheel.remove(this);
  }
}

/**
 * The remaining time of a call as it is written to the wire: rounded down, at least 1; 0 means that there is no
 * deadline.
 */
export function remainingMs(deadline: number, now: number): number {
  return deadline === Infinity ? 0 : Math.min(Math.max(1, Math.floor(deadline - now)), 0xffff_ffff);
}

/**
 * Added to a responder's timer, in ms, so that the caller's own timer, which knows the exact time, fires first: wire
 * protocol, section 7.
 */
export const responderSlackMs = 50;
