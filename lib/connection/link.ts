/**
 * One WebSocket after its handshake: a Subject pair with the engine between it and the calls. The only file that knows
 * both.
 *
 *     socket.inbound ──▶ engine ──▶ calls           open ──loss, silence, fault, close──▶ closed
 *     socket.outbound ◀── engine ◀── calls
 */

import { AsyncSubject, Observable, Subject, Subscription } from 'rxjs';
import { ProtocolError, toError, type GridError } from '../errors.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Limits } from '../limits.js';
import { Engine, type Caller, type EngineOptions } from '../mux/engine.js';
import { EngineSink } from './engine-sink.js';
import type { RunningHandlers } from '../mux/running-handlers.js';
import type { Runtime } from '../runtime.js';
import { joinFragments, type WireMessage } from '../wire/batch.js';
import type { Checksum } from '../wire/checksum.js';
import { decodeFrames } from '../wire/decode.js';
import type { Frame, FrameView } from '../wire/frame.js';
import { Op } from '../wire/ops.js';
import { firstMuxId, type Agreement } from './handshake.js';
import { answerPing, Keepalive } from './keepalive.js';
import type { Socket } from '../transport/socket.js';

/** A frame as it passed, for those who look. */
export interface ObservedFrame {
  readonly direction: 'in' | 'out';
  /** When it passed by the wall clock, in ms since the epoch. */
  readonly at: number;
  readonly frame: Frame;
}

/** What a link is made of. */
export interface LinkOptions {
  readonly socket: Socket;
  readonly runtime: Runtime;
  readonly limits: Limits;
  /** Handlers of the peer that run on, across its links. */
  readonly running: RunningHandlers;
  readonly checksum: Checksum | undefined;
  readonly agreement: Agreement;
  /** The other side's process: another id under the same host name means that it restarted. */
  readonly remoteId: Uint8Array;
  /** Who calls from the other side: passed to handlers. */
  readonly caller: Caller;
  readonly find: EngineOptions['find'];
  readonly disconnected: (sent: boolean) => GridError;
}

/** See the head of this file. */
export class Link {
  readonly engine: Engine;
  readonly remoteId: Uint8Array;
  /** What the two sides agreed on in the handshake. */
  readonly agreement: Agreement;
  /** Emits why the link closed, once, and completes; also to who subscribes later. Undefined: this side closed it. */
  readonly closed: Observable<Error | undefined>;

  readonly #socket: Socket;
  readonly #runtime: Runtime;
  readonly #checksum: Checksum | undefined;
  readonly #keepalive: Keepalive;
  readonly #closed = new AsyncSubject<Error | undefined>();
  readonly #passed = new Subject<{ direction: 'in' | 'out'; message: WireMessage }>();
  readonly #pongs = new Subject<void>();
  readonly #subscriptions: Subscription[] = [];
  #open = true;

  constructor(options: LinkOptions) {
    const { socket, runtime, limits, checksum, agreement } = options;
    // The handshake is done: the other side is known, and may send more at once.
    socket.limitMessages?.(limits.maxMessageBytes);
    this.#socket = socket;
    this.#runtime = runtime;
    this.#checksum = checksum;
    this.agreement = agreement;
    this.remoteId = options.remoteId;
    this.closed = this.#closed.asObservable();
    this.engine = new Engine({
      runtime,
      limits,
      running: options.running,
      checksum,
      sendChecksum: agreement.sendChecksum,
      extensions: agreement,
      firstMuxId: firstMuxId(agreement),
      sink: new EngineSink(this, socket),
      roundTrip: () => this.#keepalive.shortest,
      caller: options.caller,
      find: options.find,
      onControl: (frame) => {
        this.#onControl(frame);
      },
      onFault: (error) => {
        this.#end(error);
      },
      onThrown: reportUnhandled,
      onBehind: (behind) => {
        if (behind) socket.pause?.();
        else socket.resume?.();
      },
      disconnected: options.disconnected,
    });
    this.#keepalive = new Keepalive(
      runtime,
      limits.connectionPingInterval,
      (payload) => {
        this.engine.sendControl(Op.Ping, payload, limits.connectionPingInterval);
      },
      () => {
        this.#end(new Error('The other side has not answered a ping for two intervals.'));
      },
    );
    this.#subscriptions.push(
      socket.inbound.subscribe({
        next: (message) => {
          this.#receive(message);
        },
        error: (error: unknown) => {
          this.#end(toError(error));
        },
        complete: () => {
          this.#end(new Error('The other side closed the connection.'));
        },
      }),
      socket.drained.subscribe(() => {
        this.engine.drained();
      }),
    );
  }

  get open(): boolean {
    return this.#open;
  }

  /** How the messages of its socket are read; see `Socket`. */
  get readPath(): 'buffer' | 'ws' | undefined {
    return this.#socket.readPath;
  }

  /** Round-trip time of the last ping, in ms. */
  get rtt(): number | undefined {
    return this.#keepalive.rtt;
  }

  /** Every frame that passes; decoded only while somebody is subscribed. */
  get frames$(): Observable<ObservedFrame> {
    return new Observable<ObservedFrame>((subscriber) => {
      const closed = this.#closed.subscribe({
        complete: () => {
          subscriber.complete();
        },
      });
      closed.add(
        this.#passed.subscribe(({ direction, message }) => {
          const at = this.#runtime.wallNow();
          for (const frame of this.#decode(message)) subscriber.next({ direction, at, frame });
        }),
      );
      return closed;
    });
  }

  /** Sends a Ping now, to learn the round-trip time. */
  ping(): void {
    this.#keepalive.ping();
  }

  /** Asks the other side for a sign of life; resolves with whether one came within `ms`. */
  answers(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const wait = new Subscription();
      const end = (alive: boolean): void => {
        wait.unsubscribe();
        resolve(alive);
      };
      wait.add(
        this.#runtime.schedule(() => {
          end(false);
        }, ms),
      );
      wait.add(
        this.#closed.subscribe(() => {
          end(false);
        }),
      );
      wait.add(
        this.#pongs.subscribe(() => {
          end(true);
        }),
      );
      if (!wait.closed) this.ping();
    });
  }

  /** Closes the socket politely. Every call on it ends with the link's error. */
  close(): void {
    if (!this.#open) return;
    // What waits for the end of the turn leaves before the close frame: a Pong above all, which a reference peer misses.
    this.engine.drained();
    // To send may have found that the socket is broken.
    if (this.open)
      this.#finish(undefined, () => {
        this.#socket.outbound.complete();
      });
  }

  /** @internal The socket cannot go on. */
  fail(error: Error): void {
    this.#end(error);
  }

  /** @internal Tells those who look. */
  observe(direction: 'in' | 'out', message: WireMessage): void {
    if (this.#passed.observed) this.#passed.next({ direction, message });
  }

  #receive(message: Uint8Array): void {
    this.observe('in', message);
    this.engine.receive(message);
  }

  #onControl(frame: FrameView): void {
    switch (frame.op) {
      case Op.Ping:
        // Pong repeats the Ping's sequence number and deadline.
        this.engine.sendControl(Op.Pong, answerPing(frame.payload), frame.deadlineMs, frame.seq);
        break;
      case Op.Pong:
        this.#keepalive.onPong(frame.payload);
        this.#pongs.next();
        break;
      default:
      // Connect and ConnectResponse come once, before there is a link; Disconnect is reserved. As the reference: ignored.
    }
  }

  #end(error: Error): void {
    if (this.#open)
      this.#finish(error, () => {
        this.#socket.outbound.error(error);
      });
  }

  #finish(error: Error | undefined, endSocket: () => void): void {
    this.#open = false;
    this.#keepalive.stop();
    // A socket may be a user's: what it throws must not keep the calls from their end.
    for (const subscription of this.#subscriptions) {
      guarded(reportUnhandled, () => {
        subscription.unsubscribe();
      });
    }
    guarded(reportUnhandled, endSocket);
    // Told before the calls hear it: whoever calls again from there finds the connection's new state.
    this.#closed.next(error);
    this.#closed.complete();
    this.engine.close();
  }

  #decode(message: WireMessage): readonly Frame[] {
    try {
      return decodeFrames(joinFragments(message), this.#checksum?.hash);
    } catch (error) {
      // The engine finds the same fault and closes the link.
      if (error instanceof ProtocolError) return [];
      throw error;
    }
  }
}
