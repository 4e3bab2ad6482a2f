import { CancelledError, HandlerError, type GridError } from '../errors.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import { isFeedSource } from '../flow/feed/feed.js';
import { Inbound, type InboundOwner } from '../flow/inbound.js';
import { thrownErrors } from '../flow/unhandled.js';
import { encodeOnce } from '../flow/shared-item.js';
import { guarded } from '../guard.js';
import type { OpenStream } from '../metrics/open-streams.js';
import { outcomeOf } from '../metrics/outcome.js';
import { noMeter, type CallMeter } from '../metrics/call-meter.js';
import type { Outcome } from '../metrics/route-meter.js';
import type { Caller, Responder } from '../mux/engine.js';
import type { ResponderStream } from '../mux/stream/responder-stream.js';
import type { InputRefusal, StreamSink } from '../mux/stream/stream.js';
import type { Report } from '../observe.js';
import type { Meta } from '../wire/payloads/opening-extra.js';
import { isRegionItem } from '../codec/region-item.js';
import { SendingHalf, type SendingOwner } from '../calls/sending-half.js';
import { CallContext } from './call-context.js';
import { isCallersFault } from '../codec/codec.js';
import { isThenable } from '../contract/handler.js';
import { ReceivedFiles } from '../contract/received-files.js';
import { checkPayloadSize } from '../contract/payload-size.js';
import { eventOf, failureOf, invalidArgument, outcomeOfFailure, type FailedCall, type Failure } from './failure.js';
import type { DispatchContext } from './registry.js';
import { isRelay } from '../contract/relayed-route.js';
import type { WireRoute } from '../contract/wire-route.js';

/** Creates the responder that runs the handler of a duplex route for each stream. */
export function duplexResponder(
  route: WireRoute,
  handler: (request: unknown, call: CallContext<unknown>) => unknown,
  context: DispatchContext,
  meter: CallMeter = noMeter,
): Responder {
  return {
    kind: 'duplex',
    inWindow: route.inWindow,
    outWindow: route.outWindow!,
    open(stream, payload, caller, meta) {
      meter.begin(payload.length);
      new DuplexInvocation(route, stream, caller, context, meter, meta).run(handler, payload);
    },
  };
}

/**
 * One running handler of a stream. It owns the handler's output (`SendingHalf`) and its input (`inbound`), and is the
 * sink of its mux.
 *
 *     run ──▶ waiting for the result (a Promise) ──▶ feeding ──complete, fail──▶ output ended ──▶ ended
 *      └─────────────── cancel, deadline, connection loss, undecodable input, at any time ──────────┘
 */
class DuplexInvocation implements StreamSink, InboundOwner<unknown>, SendingOwner<unknown> {
  readonly route: string;

  /** Reports what the handler's code throws where no caller could catch it. */
  readonly onThrown = (error: unknown): void => {
    for (const thrown of thrownErrors(error)) if (!this.#call.isAbort(thrown)) this.#report(thrown);
  };

  /** Reports what the handler's iterator throws after the end. */
  readonly onLateFailure = this.onThrown;

  readonly #route: WireRoute;
  readonly #stream: ResponderStream;
  readonly #context: DispatchContext;
  readonly #inbound: Inbound<unknown>;
  readonly #call: CallContext<unknown>;
  readonly #sendingHalf: SendingHalf<unknown>;
  readonly #meter: CallMeter;
  readonly #metered: OpenStream;
  readonly #received: ReceivedFiles | undefined = undefined;
  // How the handler ended, as its caller sees it.
  #outcome: Outcome = 'ok';
  // Defined while the handler's result is a pending Promise.
  #pendingResult: Promise<void> | undefined = undefined;

  constructor(
    route: WireRoute,
    stream: ResponderStream,
    caller: Caller,
    context: DispatchContext,
    meter: CallMeter,
    meta?: Meta,
  ) {
    this.#meter = meter;
    this.#metered = meter.streams.add(stream, caller.name, stream.now());
    this.route = route.name;
    this.#route = route;
    this.#stream = stream;
    this.#context = context;
    this.#inbound = new Inbound<unknown>(this);
    this.#call = new CallContext(caller, route.subroute, stream.deadline, context, this.#inbound, meta);
    if (route.input === undefined) this.#inbound.end();
    this.#sendingHalf = new SendingHalf(this, route.regionOutput, context.bounds);
    const files = { transfers: meter.transfers, route: route.name, peer: caller.name };
    if (route.regionInput === 'files') this.#received = new ReceivedFiles(files);
    this.#sendingHalf.attach(stream, files);
    stream.attach(this);
    if (!stream.announcesWindows) context.assumed.note(route, caller.name);
    if (stream.ignoresInput) {
      context.report({
        type: 'input-ignored',
        route: this.route,
        host: caller.name,
        remedy: `${this.route}: ${caller.name} calls it with an input, but the handler's route has none, so none of the input arrives. Declare the same input on both sides.`,
      });
    }
  }

  run(handler: (request: unknown, call: CallContext<unknown>) => unknown, payload: Uint8Array): void {
    let request: unknown;
    try {
      request = this.#route.request.decode(payload);
    } catch (error) {
      this.undecodable(error);
      return;
    }
    try {
      this.#takeResult(handler(request, this.#call));
    } catch (error) {
      this.fail(error);
    }
  }

  #takeResult(result: unknown): void {
    if (!isThenable(result)) {
      this.#feed(result);
      return;
    }
    // May throw: a Promise may have a `then`, or a constructor, of its own.
    this.#pendingResult = Promise.resolve(result).then(
      (output) => {
        this.#pendingResult = undefined;
        this.#feed(output);
      },
      (error: unknown) => {
        this.#pendingResult = undefined;
        this.fail(error);
      },
    );
  }

  // --- the engine's side

  item(payload: Uint8Array): void {
    this.#inbound.push(payload);
  }

  inputEnded(): void {
    this.#inbound.end();
  }

  inputRefused(reason: InputRefusal): void {
    const { caller } = this.#call;
    this.#context.report({
      type: 'input-refused',
      route: this.route,
      caller,
      reason,
      remedy:
        reason === 'handler blocked'
          ? `${this.route}: ${caller} sent more items than the window of the input, ${String(this.#route.inWindow?.initial)}, holds. Declare the same inCapacity on both sides.`
          : `${this.route}: ${caller} sent an item after the end of its input, or the route has no input here. Declare the same input on both sides.`,
    });
  }

  writable(): void {
    this.#sendingHalf.resume();
  }

  ended(error: GridError | undefined): void {
    this.#meter.streams.remove(this.#metered);
    this.#received?.end();
    const now = this.#meter.exact ? this.#context.runtime.now() : this.#stream.now();
    this.#meter.end(now - this.#metered.openedAt, error === undefined ? this.#outcome : outcomeOf(error));
    // Abort first: errors that the handler's clean-up throws because of the abort are not reported.
    if (error !== undefined) this.#call.abort(error);
    this.#sendingHalf.stop();
    // An error rather than completion: a reader must not take a truncated input for a complete one.
    this.#inbound.end(error ?? new CancelledError(`${this.route}: the input has ended because the handler has.`));
    if (error === undefined && !this.#inbound.taken) this.#inbound.discard();
  }

  get running(): PromiseLike<unknown> | undefined {
    return this.#pendingResult ?? this.#sendingHalf.running ?? this.#call.running;
  }

  // --- the input's side

  get report(): Report {
    return this.#context.report;
  }

  decode(payload: Uint8Array): unknown {
    const item = this.#route.input!.decode(payload);
    this.#received?.item(item, this.#stream.now());
    return item;
  }

  release(): void {
    this.#stream.release();
  }

  /** Ends the stream because the request or an input item cannot be decoded. */
  undecodable(error: unknown): void {
    this.#call.abort(error);
    this.#sendingHalf.stop();
    if (!isCallersFault(error)) this.fail(error);
    else if (!this.#hasEnded) this.#sendFailure(invalidArgument(error, this.#failedCall, this.#context));
  }

  // --- the handler's side

  encode(item: unknown): Uint8Array {
    const payload = encodeOnce(this.#route.output, item);
    checkPayloadSize(payload, this.#context.limits, this.route, 'item');
    return payload;
  }

  complete(): void {
    this.#stream.complete();
  }

  fail(error: unknown): void {
    if (!this.#hasEnded) this.#sendFailure(failureOf(error, this.#failedCall, this.#context));
    else if (!this.#call.isAbort(error)) this.#report(error);
  }

  #report(error: unknown): void {
    this.#context.report(eventOf(error, this.#failedCall));
  }

  get #failedCall(): FailedCall {
    const { caller, callerKind, handlerBegan: began } = this.#call;
    const { errors, handler } = this.#route;
    return { route: this.route, errors, caller, callerKind, began, relayed: isRelay(handler) };
  }

  // True if the output has ended, even if its end still waits for credit.
  get #hasEnded(): boolean {
    return this.#stream.ended || this.#stream.sendEnded;
  }

  #sendFailure({ text, error, event }: Failure): void {
    this.#outcome = outcomeOfFailure(error);
    this.#stream.fail(text, error);
    if (event !== undefined) this.#context.report(event);
  }

  // Guarded, because the result may be any object, including one whose getters throw.
  #feed(result: unknown): void {
    guarded(this.#onFailed, this.#feedResult, result);
  }

  readonly #onFailed = (error: unknown): void => {
    this.fail(error);
  };

  readonly #feedResult = (result: unknown): void => {
    const single = this.#sendingHalf.takesRegions && isRegionItem(result);
    const none = result === undefined && !this.#route.hasOutput;
    const source = single ? [result] : none ? [] : result;
    if (isFeedSource(source)) this.#sendingHalf.feed(source);
    else if (!this.#stream.ended) {
      this.fail(
        new HandlerError(
          `${this.route}: a stream handler must return an Observable, an iterable, an async iterable, or a Promise of one of these.${foreignObservableHint(source)}`,
        ),
      );
    }
  };
}
