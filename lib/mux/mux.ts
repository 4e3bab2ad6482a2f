import type { GridError } from '../errors.js';
import type { OnThrown } from '../guard.js';
import type { Limits } from '../limits.js';
import type { MuxId } from '../wire/frame.js';
import type { ReceiveAccount } from './receive-account.js';
import type { FrameOwner, LaneName, OwnerQueue } from './owner-queue.js';
import type { Schedule } from './schedule.js';
import type { WindowExtensions } from './credit.js';
import type { StreamMux } from './stream.js';
import { TimerEntry, type TimerWheel } from './timer-wheel.js';

/** What a mux needs from its engine. */
export interface MuxHost {
  readonly schedule: Schedule;
  readonly wheel: TimerWheel;
  readonly limits: Limits;
  /** Counts what the streams see. */
  readonly stats: { creditStalls: number };
  /** True where both sides announced `ack`: AckMux carries the in capacity. */
  readonly ackCapacity: boolean;
  /** What both sides announced of windows. */
  readonly windows: WindowExtensions;
  /** Takes what a sink threw where no frame, mux or timer is in hand. */
  readonly onThrown: OnThrown;
  /** The time on the monotonic clock, in ms; one reading for a whole turn of the event loop. */
  now(): number;
  /** Shortest round trip of the connection so far, in ms; Infinity while it is not known. */
  readonly roundTrip: number;
  /** A call that began then has its answer: no round trip is longer. */
  recordRoundTrip(began: number): void;
  /** Makes what was sent leave at the end of this turn of the event loop. */
  scheduleFlush(): void;
  /** Sends the stream's credit at the end of this turn. */
  oweCredit(stream: StreamMux): void;
  /** Sends the stream's credit a round trip from now, unless it is sent before. */
  delayCredit(stream: StreamMux): void;
  /**
   * Sends a frame that says no more than that this end of the mux is gone: DisconnectServerMux or DisconnectClientMux.
   * Once a turn, however often it is asked for.
   */
  sendDisconnect(muxId: MuxId, op: number): void;
  /** The bytes that this connection holds of what the other side sent. */
  readonly account: ReceiveAccount;
  /** A responder's call has ended, and its handler runs on, with so many bytes, until this promise settles. */
  addRunningHandler(bytes: number, until: PromiseLike<unknown>): void;
  /** Sends the stream's credit when there is room in the account again. */
  oweCreditWhenRoom(stream: StreamMux): void;
  /** The error for a connection that is gone, or for a mux that the other side dropped. */
  disconnected(sent: boolean): GridError;
  /** Why handlers are aborted when the connection is gone: one error for all of them. */
  readonly connectionLost: GridError;
}

/**
 * One call of a connection, at one of its two ends. A mux ends exactly once; `ended` is set before anybody is told, so
 * whoever is told may do anything.
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

  /** The connection is gone, or closes: ends the mux and sends nothing. */
  abstract disconnect(): void;

  abstract get lane(): LaneName;

  abstract onWritable(): void;

  /** Marks the end. Queued frames go out unless `purge` takes them back first. */
  protected finish(): void {
    this.ended = true;
    this.host.wheel.remove(this);
  }
}

/** The remaining time of a call as it goes on the wire: rounded down, at least 1, and 0 for none. */
export function remainingMs(deadline: number, now: number): number {
  return deadline === Infinity ? 0 : Math.min(Math.max(1, Math.floor(deadline - now)), 0xffff_ffff);
}

/** A responder's timer gets this much on top, so that the caller's own, which knows the exact time, passes first: wire protocol, section 7. */
export const responderSlackMs = 50;
