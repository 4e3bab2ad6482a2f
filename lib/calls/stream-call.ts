import type { Unsubscribable } from 'rxjs';
import { CancelledError, GridError } from '../errors.js';
import { feed, type FeedBounds, type Feeder, type FeedSource, type Outlet } from '../flow/feed.js';
import { Inbound, type InboundOwner } from '../flow/inbound.js';
import { Sending, type SendObserver } from '../flow/sending.js';
import { reportUnhandled } from '../flow/unhandled.js';
import { guarded, type OnThrown } from '../guard.js';
import type { CallerStream } from '../mux/caller-stream.js';
import type { Address, Engine } from '../mux/engine.js';
import type { StreamSink } from '../mux/stream.js';
import type { Report } from '../observe.js';
import { RegionOutlet } from './region-outlet.js';
import type { AssumedCapacities } from '../contract/assumed-capacities.js';
import { StreamPort } from '../contract/stream-port.js';
import { checkPayloadSize } from '../contract/payload-size.js';
import type { ResolvedOptions } from '../contract/options.js';
import { RouteCall, type Caller } from './route-call.js';
import { errorOf, type WireRoute } from '../contract/wire-route.js';

/** What a stream call needs beyond a unary one. */
export interface StreamCaller extends Caller {
  readonly report: Report;
  readonly bounds: FeedBounds;
  readonly assumed: AssumedCapacities;
}

/** The caller's side of one stream, from its start to its end; it is the teardown of a subscription that began it. */
export class StreamCall<I, O>
  extends RouteCall<StreamCaller>
  implements StreamSink, InboundOwner<O>, Outlet<I>, Unsubscribable
{
  /** What comes from the handler. */
  readonly inbound: Inbound<O>;
  /** Called when the credit may have changed. */
  onCredit: (() => void) | undefined = undefined;
  onEnded: ((error: unknown) => void) | undefined = undefined;

  /** What the caller's own code throws has nobody else who waits for it. */
  readonly onThrown = reportUnhandled;

  readonly #input: FeedSource<I> | undefined;
  // Where the input carries files.
  readonly #port: StreamPort | undefined;
  readonly #regions: RegionOutlet<I> | undefined;
  #stream: CallerStream | undefined = undefined;
  #feeder: Feeder | undefined = undefined;
  // Further sources of the input.
  #sendings: Set<Sending<I>> | undefined = undefined;
  // The input has completed, perhaps before there was a connection.
  #inputDone = false;
  // Until `begin` has returned: the consumer is still within its `subscribe`.
  #beginning = true;
  #ended = false;
  #endError: unknown = undefined;
  #unreadReported = false;

  constructor(
    caller: StreamCaller,
    route: WireRoute,
    payload: Uint8Array,
    options: ResolvedOptions,
    input: FeedSource<I> | undefined,
  ) {
    super(caller, route, payload, options);
    this.#input = input;
    this.inbound = new Inbound<O>(this);
    if (route.regionInput !== undefined) {
      this.#port = new StreamPort(route.regionInput, this.route);
      this.#regions = new RegionOutlet<I>(this, this.#port, () => {
        this.#resume();
      });
    }
  }

  /** Items that may be sent now. */
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

  /** Starts to read the input before there is a connection: what pushes is buffered, within the bounds. */
  feedInput(): void {
    if (this.#input === undefined || this.#feeder !== undefined) return;
    this.#feeder = feed(this.#input, this.#regions ?? this, this.caller.bounds);
    if (this.#ended) this.#feeder.stop();
  }

  /**
   * Makes a sending of one more source. `complete` is called when it has given its last item; it leads to
   * {@link complete}. `open`: the input has not completed.
   */
  sendFrom(observer: SendObserver, open: boolean, complete: () => void): Sending<I> {
    const outlet = new SendingOutlet(this.#regions ?? this, complete);
    const sending = new Sending<I>(this.route, outlet, this.caller.bounds, observer);
    if (open && !this.#ended) {
      (this.#sendings ??= new Set()).add(sending);
      return sending;
    }
    sending.refuse();
    // On a macrotask, as every failure: delivered at once it makes retry() overflow the stack.
    this.caller.runtime.schedule(() => {
      if (this.#ended) sending.end(this.#endError);
      else sending.halfClosed();
    }, 0);
    return sending;
  }

  /** Gives the call up and tells the consumer `reason`. Harmless after the end. */
  cancel(reason: unknown): void {
    if (this.#ended) return;
    const stream = this.#stream;
    this.#finish(reason);
    stream?.cancel(reason instanceof GridError ? reason : new CancelledError('The call was cancelled on this side.'));
  }

  /** The subscriber has gone. Harmless after the end. */
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
    // Only a responder's input ends.
  }

  writable(): void {
    this.#regions?.resume();
    this.#resume();
    this.onCredit?.();
  }

  inputIgnored(): void {
    const { host } = this.caller.connection;
    this.caller.report({
      type: 'input-ignored',
      route: this.route,
      host,
      remedy: `${this.route}: the call has an input, and the route of the handler at ${host} has none: nothing of the input arrives. Declare the same input at both sides.`,
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
    return this.wireRoute.output.decode(payload) as O;
  }

  release(): void {
    this.#stream?.release();
  }

  undecodable(error: unknown): void {
    this.cancel(error);
  }

  // --- the input's side

  get canSend(): boolean {
    return this.#stream?.writable ?? false;
  }

  encode(item: I): Uint8Array {
    const payload = this.wireRoute.input!.encode(item);
    checkPayloadSize(payload, this.caller.limits, this.route, 'item');
    return payload;
  }

  send(payload: Uint8Array): void {
    this.#stream?.send(payload);
    this.onCredit?.();
  }

  complete(): void {
    this.#inputDone = true;
    if (this.#stream !== undefined) this.#halfClose();
  }

  fail(error: unknown): void {
    // An end without an error would be taken for the normal one.
    const reason = error ?? new CancelledError('The input failed without an error.');
    if (!this.#beginning) {
      this.cancel(reason);
      return;
    }
    // On a macrotask, as every failure: an error within `subscribe` makes retry() overflow the stack.
    this.caller.runtime.schedule(() => {
      this.cancel(reason);
    }, 0);
  }

  protected open(engine: Engine, address: Address, payload: Uint8Array): void {
    const { inWindow, outWindow } = this.wireRoute;
    checkPayloadSize(payload, this.caller.limits, this.route, 'request');
    this.#stream = engine.openStream(address, payload, outWindow!, inWindow?.initial ?? 0, this.deadline, this);
    if (!engine.ackCapacity) this.caller.assumed.note(this.wireRoute, this.caller.connection.host);
    if (this.#port !== undefined) this.#port.stream = this.#stream;
    if (this.#inputDone) this.#halfClose();
    else this.feedInput();
  }

  protected aborted(reason: unknown): void {
    this.cancel(reason);
  }

  #resume(): void {
    this.#feeder?.resume();
    for (const sending of this.#sendings ?? []) {
      guarded(this.onThrown, () => {
        sending.resume();
      });
    }
  }

  #halfClose(): void {
    this.#stream!.halfClose();
    for (const sending of this.#sendings ?? []) {
      guarded(this.onThrown, () => {
        sending.halfClosed();
      });
    }
  }

  #finish(cause: unknown): void {
    if (this.#ended) return;
    const error = errorOf(this.wireRoute, this.caller.connection.host, cause);
    this.#ended = true;
    this.#endError = error;
    this.settle();
    // Each of these may run the user's code.
    guarded(this.onThrown, () => this.#regions?.stop());
    guarded(this.onThrown, () => this.#feeder?.stop());
    for (const sending of this.#sendings ?? []) {
      guarded(this.onThrown, () => {
        sending.end(error);
      });
    }
    this.inbound.end(error);
    guarded(this.onThrown, () => this.onEnded?.(error));
  }
}

/** A call's input, as a sending uses it: its own last item is not the input's. */
class SendingOutlet<I> implements Outlet<I> {
  readonly #call: Outlet<I>;
  readonly complete: () => void;

  constructor(call: Outlet<I>, complete: () => void) {
    this.#call = call;
    this.complete = complete;
  }

  get onThrown(): OnThrown {
    return this.#call.onThrown;
  }

  get canSend(): boolean {
    return this.#call.canSend;
  }

  encode(item: I): Uint8Array {
    return this.#call.encode(item);
  }

  send(payload: Uint8Array): void {
    this.#call.send(payload);
  }

  fail(error: unknown): void {
    this.#call.fail(error);
  }
}
