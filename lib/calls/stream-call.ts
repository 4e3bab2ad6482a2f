import type { Unsubscribable } from 'rxjs';
import { CancelledError, ConfigurationError, GridError } from '../errors.js';
import type { FeedBounds, FeedSource } from '../flow/feed/feed.js';
import { Inbound, type InboundOwner } from '../flow/inbound.js';
import type { Sending, SendObserver } from '../flow/feed/sending.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { encodeOnce } from '../flow/shared-item.js';
import { guarded } from '../guard.js';
import type { OpenStream as MeteredEntry } from '../metrics/open-streams.js';
import { outcomeOf } from '../metrics/outcome.js';
import type { Outcome } from '../metrics/route-meter.js';
import type { CallerStream } from '../mux/stream/caller-stream.js';
import type { Address, Engine } from '../mux/engine.js';
import type { StreamSink } from '../mux/stream/stream.js';
import type { Report } from '../observe.js';
import { SendingHalf, type SendingOwner } from './sending-half.js';
import type { AssumedCapacities } from '../contract/assumed-capacities.js';
import { ReceivedFiles, type FileStream } from '../contract/received-files.js';
import { checkPayloadSize } from '../contract/payload-size.js';
import type { ResolvedOptions } from '../contract/options.js';
import { RouteCall, type CallerContext } from './route-call.js';
import { errorOfCall } from '../contract/route-errors.js';
import type { WireRoute } from '../contract/wire-route.js';

/** What a stream call needs from its endpoint, in addition to what a unary call needs. */
export interface StreamCallerContext extends CallerContext {
  readonly report: Report;
  readonly bounds: FeedBounds;
  readonly assumed: AssumedCapacities;
}

/**
 * The caller's side of one stream. It is also the teardown of the subscription that made the call.
 *
 *     begin ──▶ waiting for a connection ──▶ open ──complete──▶ half-closed ──▶ ended
 *       └──────────────── cancel, failure, end from the handler, at any time ─────┘
 *
 * It owns its input (`SendingHalf`) and its output (`inbound`), and is the sink of its mux.
 */
export class StreamCall<I, O>
  extends RouteCall<StreamCallerContext>
  implements StreamSink, InboundOwner<O>, SendingOwner<I>, Unsubscribable
{
  /** The items from the handler. */
  readonly inbound: Inbound<O>;
  onEnded: ((error: unknown) => void) | undefined = undefined;

  /** Receives what the caller's own code throws where no caller could catch it. */
  readonly onThrown = reportUnhandled;

  readonly #input: FeedSource<I> | undefined;
  readonly #sendingHalf: SendingHalf<I>;
  #stream: CallerStream | undefined = undefined;
  #onCredit: (() => void) | undefined = undefined;
  #metered: MeteredEntry | undefined = undefined;
  readonly #files: FileStream;
  readonly #received: ReceivedFiles | undefined = undefined;
  // The input has completed, possibly before there was a connection.
  #inputDone = false;
  // True until `begin` has returned, while the consumer is still within its `subscribe`.
  #beginning = true;
  #ended = false;
  #endError: unknown = undefined;
  #unreadReported = false;

  constructor(
    caller: StreamCallerContext,
    route: WireRoute,
    payload: Uint8Array,
    options: ResolvedOptions,
    input: FeedSource<I> | undefined,
  ) {
    super(caller, route, payload, options);
    this.#input = input;
    this.inbound = new Inbound<O>(this);
    this.#files = { transfers: this.meter.transfers, route: this.route, peer: caller.connection.host };
    if (route.regionOutput === 'files') this.#received = new ReceivedFiles(this.#files);
    this.#sendingHalf = new SendingHalf<I>(this, route.regionInput, caller.bounds);
  }

  /** Sets what is called when the credit may have changed. */
  set onCredit(onCredit: () => void) {
    this.#onCredit = onCredit;
    this.#sendingHalf.onSent = onCredit;
  }

  /** Number of items that may be sent now. */
  get credit(): number {
    return this.#stream?.available ?? 0;
  }

  get done(): boolean {
    return this.#ended;
  }

  override begin(signals: ResolvedOptions['signals']): void {
    try {
      super.begin(signals);
    } finally {
      this.#beginning = false;
    }
  }

  /** Starts to read the input before there is a connection. Items that are pushed are buffered, within the bounds. */
  feedInput(): void {
    if (this.#input === undefined || this.#sendingHalf.fed) return;
    this.#sendingHalf.feed(this.#input);
  }

  /**
   * Creates an additional source of the input. `complete` is called after its last item and must result in a call of
   * {@link complete}. `open` is false if the input has already completed.
   */
  sendFrom(observer: SendObserver, open: boolean, complete: () => void): Sending<I> {
    const source = this.#sendingHalf.observedSource(observer, complete);
    if (open && !this.#ended) {
      this.#sendingHalf.add(source);
      return source;
    }
    source.refuse();
    // On a macrotask, like every failure: a synchronous one makes retry() overflow the stack.
    this.caller.runtime.schedule(() => {
      if (this.#ended) source.end(this.#endError);
      else source.halfClosed();
    }, 0);
    return source;
  }

  /** Cancels the call; the consumer's output errors with `reason`. No effect after the end. */
  cancel(reason: unknown, outcome: Outcome = 'cancelled'): void {
    if (this.#ended) return;
    const stream = this.#stream;
    this.#finish(reason, outcome);
    stream?.cancel(reason instanceof GridError ? reason : new CancelledError('The call was cancelled on this side.'));
  }

  /** Cancels the call because its subscriber has unsubscribed. No effect after the end. */
  unsubscribe(): void {
    this.inbound.discard();
    this.cancel(undefined);
  }

  // --- the engine's side

  item(payload: Uint8Array): void {
    this.inbound.push(payload);
    if (!this.#unreadReported && !this.inbound.taken && this.inbound.held >= this.wireRoute.outWindow!.initial) {
      this.#unreadReported = true;
      this.caller.report({ type: 'unread-output', route: this.route, held: this.inbound.held });
    }
  }

  inputEnded(): void {
    // Only a responder receives the end of an input.
  }

  writable(): void {
    this.#sendingHalf.resume();
    this.#onCredit?.();
  }

  inputIgnored(): void {
    const { host } = this.caller.connection;
    this.caller.report({
      type: 'input-ignored',
      route: this.route,
      host,
      remedy: `${this.route}: the call has an input, but the handler's route at ${host} has none, so none of the input arrives. Declare the same input on both sides.`,
    });
  }

  ended(error: GridError | undefined): void {
    this.#finish(error);
  }

  // --- the output's side

  get report(): Report {
    return this.caller.report;
  }

  decode(payload: Uint8Array): O {
    const item = this.wireRoute.output.decode(payload) as O;
    this.#received?.item(item, this.now());
    return item;
  }

  release(): void {
    this.#stream?.release();
  }

  undecodable(error: unknown): void {
    this.cancel(error, outcomeOf(error));
  }

  // --- the input's side

  encode(item: I): Uint8Array {
    const payload = encodeOnce(this.wireRoute.input!, item);
    checkPayloadSize(payload, this.caller.limits, this.route, 'item');
    return payload;
  }

  complete(): void {
    this.#inputDone = true;
    if (this.#stream !== undefined) this.#halfClose();
  }

  fail(error: unknown): void {
    // Undefined would be taken for a normal end.
    const reason = error ?? new CancelledError('The input failed without an error.');
    if (!this.#beginning) {
      this.cancel(reason, outcomeOf(reason));
      return;
    }
    // On a macrotask, like every failure: an error within `subscribe` makes retry() overflow the stack.
    this.caller.runtime.schedule(() => {
      this.cancel(reason, outcomeOf(reason));
    }, 0);
  }

  protected open(engine: Engine, address: Address, payload: Uint8Array, meta: Uint8Array | undefined): void {
    const { inWindow, outWindow } = this.wireRoute;
    checkPayloadSize(payload, this.caller.limits, this.route, 'request');
    this.#stream = engine.openStream({
      address,
      payload,
      outWindow: outWindow!,
      inCapacity: inWindow?.initial ?? 0,
      deadline: this.deadline,
      sink: this,
      meta,
    });
    if (!engine.ackCapacity) this.caller.assumed.note(this.wireRoute, this.caller.connection.host);
    this.#metered = this.meter.streams.add(this.#stream, this.caller.connection.host, this.now());
    this.#sendingHalf.attach(this.#stream, this.#files);
    if (this.#inputDone) this.#halfClose();
    else this.feedInput();
  }

  protected aborted(reason: unknown): void {
    this.cancel(reason);
  }

  #halfClose(): void {
    this.#stream!.halfClose();
    this.#sendingHalf.halfClosed();
  }

  #finish(cause: unknown, outcome: Outcome = outcomeOf(cause)): void {
    if (this.#ended) return;
    if (this.#metered !== undefined) this.meter.streams.remove(this.#metered);
    this.#received?.end();
    this.count(outcome);
    // Most errors know it; one of an argument is of before the call, unless it ends a stream that is open.
    const sent = this.#stream === undefined ? false : cause instanceof ConfigurationError ? true : undefined;
    const error = errorOfCall(this.wireRoute, this.caller.connection.host, cause, sent);
    this.#ended = true;
    this.#endError = error;
    this.dispose();
    // Each of these may run user code.
    this.#sendingHalf.end(error);
    this.inbound.end(error);
    guarded(this.onThrown, () => this.onEnded?.(error));
  }
}
