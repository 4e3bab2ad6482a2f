/**
 * One WebSocket after its handshake: a Subject pair with the engine between it and the calls. No other file creates an engine.
 *
 *     socket.inbound ──▶ engine ──▶ calls           open ──loss, silence, fault, close──▶ closed
 *     socket.outbound ◀── engine ◀── calls
 *
 * While it is open, either side may say that it drains (extension `drain`): it takes no new calls then. Its last word is
 * that all it had begun is answered; a call that has no answer when the link closes was never begun.
 */

import { AsyncSubject, Observable, Subject, Subscription } from 'rxjs';
import { ProtocolError, type GridError } from '../errors.js';
import type { ClosedCode } from '../rejection.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import { pipedIn } from '../piped.js';
import type { Limits } from '../limits.js';
import { Engine, type Caller, type EngineOptions } from '../mux/engine.js';
import { EngineSink } from './engine-sink.js';
import { InboundMessages } from './inbound-messages.js';
import type { RunningHandlers } from '../mux/running-handlers.js';
import type { Runtime } from '../runtime.js';
import { joinFragments, type WireMessage } from '../wire/batch.js';
import type { Checksum } from '../wire/checksum.js';
import { decodeFrames } from '../wire/decode.js';
import type { Frame, FrameView } from '../wire/frame.js';
import { Op } from '../wire/ops.js';
import { firstMuxId, type Agreement } from './handshake.js';
import { Keepalive } from './keepalive.js';
import { closeSocket } from './linger.js';
import { LinkDrain } from './link-drain.js';
import { LinkArrivals } from './link-arrivals.js';
import type { Socket } from '../transport/socket.js';

/** A frame as it was sent or received, for observers. */
export interface ObservedFrame {
  readonly direction: 'in' | 'out';
  /** When it was sent or received, by the wall clock, in ms since the epoch. */
  readonly at: number;
  readonly frame: Frame;
}

/** Options of a link. */
export interface LinkOptions extends Pick<EngineOptions, 'find' | 'incoming'> {
  readonly socket: Socket;
  readonly runtime: Runtime;
  readonly limits: Limits;
  /** Handlers of the peer that outlive their calls, across its links. */
  readonly running: RunningHandlers;
  readonly checksum: Checksum | undefined;
  readonly agreement: Agreement;
  /** Id of the other side's process. Another id under the same host name means that it restarted. */
  readonly remoteId: Uint8Array;
  /** The party at the other side; passed to handlers. */
  readonly caller: Caller;
  readonly disconnected: (sent: boolean) => GridError;
}

/** One WebSocket after its handshake, with its engine. */
export class Link {
  readonly engine: Engine;
  readonly remoteId: Uint8Array;
  /** What both sides agreed on in the handshake. */
  readonly agreement: Agreement;
  /** Emits the reason when the link closes, and completes; also for late subscribers. Undefined where this side closed it. */
  readonly closed: Observable<Error | undefined>;
  /** What both sides say of their drains. */
  readonly drain: LinkDrain;

  /** @internal What the socket receives. */
  readonly inbound: InboundMessages;

  readonly #socket: Socket;
  readonly #runtime: Runtime;
  readonly #checksum: Checksum | undefined;
  readonly #keepalive: Keepalive;
  readonly #closed = new AsyncSubject<Error | undefined>();
  readonly #frames = new Subject<{ direction: 'in' | 'out'; message: WireMessage }>();
  readonly #pongs = new Subject<void>();
  readonly #subscriptions: Subscription[] = [];
  #open = true;

  constructor(options: LinkOptions) {
    const { socket, runtime, limits, checksum, agreement } = options;
    // The handshake is complete: the other side is known, and may send larger messages.
    socket.limitMessages?.(limits.maxMessageBytes);
    this.#socket = socket;
    this.#runtime = runtime;
    this.#checksum = checksum;
    this.agreement = agreement;
    this.remoteId = options.remoteId;
    this.closed = this.#closed.asObservable();
    this.drain = new LinkDrain(runtime, agreement.drain ? this.#sendNotice : undefined, (error) => {
      this.#end(error);
    });
    this.inbound = new InboundMessages(runtime, {
      message: (message) => {
        if (this.#frames.observed) pipedIn(message)?.load();
        this.observe('in', message);
        this.engine.receive(message);
      },
      ended: (error) => {
        this.engine.socketEnded();
        // The engine first reads the messages that arrived before: answers, and the last word of a drain.
        this.engine.whenRead(() => {
          this.#end(error);
        });
      },
    });
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
      isPongOverdue: () => this.#keepalive.isPongOverdue,
      caller: options.caller,
      find: options.find,
      incoming: options.incoming,
      onControl: this.#onControl,
      onFault: this.#end,
      onThrown: reportUnhandled,
      onBehind: (behind) => {
        guarded(reportUnhandled, () => {
          if (behind) socket.pause?.();
          else socket.resume?.();
        });
      },
      // A host that drains refuses everything, and for that reason.
      refused: () => (this.drain.began ? options.disconnected(false) : undefined),
      disconnected: (sent) => options.disconnected(sent && !this.drain.finished),
    });
    this.#keepalive = this.#createKeepalive(runtime, limits.connectionPingInterval);
    this.#subscriptions.push(
      socket.inbound.subscribe(this.inbound),
      socket.drained.subscribe(() => {
        this.engine.drained();
      }),
    );
  }

  get open(): boolean {
    return this.#open;
  }

  /** How messages are read from the socket; see `Socket`. */
  get readPath(): 'buffer' | 'ws' | undefined {
    return this.#socket.readPath;
  }

  /** True where received messages that carry a checksum are verified. */
  get verifies(): boolean {
    return this.#checksum !== undefined;
  }

  /** Round-trip time of the last ping, in ms. */
  get rtt(): number | undefined {
    return this.#keepalive.rtt;
  }

  /** Every frame that is sent or received; decoded only while there is a subscriber. */
  get frames$(): Observable<ObservedFrame> {
    return new Observable<ObservedFrame>((subscriber) => {
      const closed = this.#closed.subscribe({
        complete: () => {
          subscriber.complete();
        },
      });
      closed.add(
        this.#frames.subscribe(({ direction, message }) => {
          const at = this.#runtime.wallNow();
          for (const frame of this.#decode(message)) subscriber.next({ direction, at, frame });
        }),
      );
      return closed;
    });
  }

  /** Sends a Ping now, to measure the round-trip time. */
  ping(): void {
    this.#keepalive.ping();
  }

  /** Pings the other side. Resolves with whether it answered within `ms`. */
  answers(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const wait = new Subscription();
      const endWith = (alive: boolean) => (): void => {
        wait.unsubscribe();
        resolve(alive);
      };
      wait.add(this.#runtime.schedule(endWith(false), ms));
      wait.add(this.#closed.subscribe(endWith(false)));
      wait.add(this.#pongs.subscribe(endWith(true)));
      if (!wait.closed) this.ping();
    });
  }

  /** Closes the socket with a close frame, which contains `why` if it is given. Every call on it ends with the link's error. */
  close(why?: { readonly code: ClosedCode; readonly reason: string }): void {
    this.#close(() => closeSocket(this.#socket, this.#runtime, this.agreement, this.#checksum, why));
  }

  /** Closes the socket at once, without waiting for what a reference peer may have sent: another link takes its place. */
  replace(): void {
    this.#close(() => this.#socket.outbound.complete());
  }

  #close(closeSocket: () => void): void {
    if (!this.#open) return;
    // First the frames of this turn, above all a Pong: a reference peer would report a time-out. The socket may break.
    this.engine.drained();
    if (this.open) this.#finish(undefined, closeSocket);
  }

  /** @internal The socket is broken, or the other side does not answer. */
  fail(error: Error): void {
    this.#end(error);
  }

  /** @internal Notifies the observers of frames. */
  observe(direction: 'in' | 'out', message: WireMessage): void {
    if (this.#frames.observed) this.#frames.next({ direction, message });
  }

  #createKeepalive(runtime: Runtime, interval: number): Keepalive {
    return new Keepalive(runtime, interval, new LinkArrivals(this.engine, this.#socket), {
      takesEmptyPongs: this.agreement.extended,
      sendPing: (payload) => {
        this.engine.sendControl(Op.Ping, payload, interval);
      },
      sendPong: ({ payload, deadlineMs, seq }) => {
        this.engine.sendControl(Op.Pong, payload, deadlineMs, seq);
      },
      onSilence: () => {
        this.#end(new Error('The other side has not answered a ping for two intervals.'));
      },
    });
  }

  readonly #sendNotice = (payload: Uint8Array): void => {
    this.engine.sendControl(Op.Disconnect, payload);
  };

  readonly #onControl = (frame: FrameView): void => {
    switch (frame.op) {
      case Op.Ping:
        this.#keepalive.onPing(frame);
        break;
      case Op.Pong:
        this.#keepalive.onPong(frame.payload);
        this.#pongs.next();
        break;
      case Op.Disconnect:
        this.drain.receive(frame.payload);
        break;
      default:
      // Connect and ConnectResponse come once, before there is a link. As the reference: ignored.
    }
  };

  readonly #end = (error: Error): void => {
    if (!this.#open) return;
    this.#finish(error, () => {
      this.#socket.outbound.error(error);
    });
  };

  #finish(error: Error | undefined, endSocket: () => void): void {
    this.#open = false;
    this.#keepalive.stop();
    this.drain.stop();
    this.inbound.stop();
    // The socket may be a user's: an error that it throws must not prevent the calls from ending.
    for (const subscription of this.#subscriptions) {
      guarded(reportUnhandled, () => {
        subscription.unsubscribe();
      });
    }
    guarded(reportUnhandled, endSocket);
    // Emitted before the calls end: a caller that calls again at once finds the connection's new state.
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
