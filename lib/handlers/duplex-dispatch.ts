import { isObservable } from 'rxjs';
import { errorInfo } from '../error-info.js';
import { CancelledError, errorText, HandlerError, type GridError } from '../errors.js';
import { foreignObservableHint } from '../flow/foreign-observable.js';
import { feed, isFeedSource, type Feeder, type Outlet } from '../flow/feed.js';
import { Inbound, type InboundOwner } from '../flow/inbound.js';
import { thrownErrors } from '../flow/unhandled.js';
import { guarded } from '../guard.js';
import type { Caller, Responder } from '../mux/engine.js';
import type { ResponderStream } from '../mux/responder-stream.js';
import type { InputRefusal, StreamSink } from '../mux/stream.js';
import type { Report } from '../observe.js';
import { isRegionItem } from '../codec/region-item.js';
import { RegionOutlet } from '../calls/region-outlet.js';
import { StreamPort } from '../contract/stream-port.js';
import { CallContext } from './call-context.js';
import { isCallersFault } from '../codec/codec.js';
import { isThenable } from '../contract/handler.js';
import { checkPayloadSize } from '../contract/payload-size.js';
import type { DispatchContext } from './registry.js';
import type { WireRoute } from '../contract/wire-route.js';

/** Runs the handler of a duplex route for each stream that comes. */
export function duplexResponder(
  route: WireRoute,
  handler: (request: unknown, call: CallContext<unknown>) => unknown,
  context: DispatchContext,
): Responder {
  return {
    kind: 'duplex',
    inWindow: route.inWindow,
    outWindow: route.outWindow!,
    open(stream, payload, caller) {
      new DuplexRun(route, stream, caller, context).run(handler, payload);
    },
  };
}

/** One running handler of a stream: its output is fed to the caller, the caller's input to it. */
class DuplexRun implements StreamSink, InboundOwner<unknown>, Outlet<unknown> {
  readonly route: string;

  /** Takes what the handler's code throws where nobody waits for it. */
  readonly onThrown = (error: unknown): void => {
    for (const thrown of thrownErrors(error)) if (!this.#call.isAbort(thrown)) this.#report(thrown);
  };

  /** Takes what the handler's iterator throws after the end. */
  readonly onLateFailure = this.onThrown;

  readonly #route: WireRoute;
  readonly #stream: ResponderStream;
  readonly #context: DispatchContext;
  readonly #inbound: Inbound<unknown>;
  readonly #call: CallContext<unknown>;
  // Where the route carries files.
  readonly #regions: RegionOutlet<unknown> | undefined;
  #feeder: Feeder | undefined = undefined;
  // While the handler has not given its output yet.
  #deciding: Promise<void> | undefined = undefined;

  constructor(route: WireRoute, stream: ResponderStream, caller: Caller, context: DispatchContext) {
    this.route = route.name;
    this.#route = route;
    this.#stream = stream;
    this.#context = context;
    this.#inbound = new Inbound<unknown>(this);
    this.#call = new CallContext(caller, route.subroute, stream.deadline, context, this.#inbound);
    if (route.input === undefined) this.#inbound.end();
    if (route.regionOutput !== undefined) {
      this.#regions = new RegionOutlet(this, new StreamPort(route.regionOutput, this.route, stream), () => {
        this.#feeder?.resume();
      });
    }
    stream.attach(this);
    if (!stream.announcesWindows) context.assumed.note(route, caller.name);
    if (stream.ignoresInput) {
      context.report({
        type: 'input-ignored',
        route: this.route,
        host: caller.name,
        remedy: `${this.route}: ${caller.name} calls it with an input, and the route of the handler has none: nothing of the input arrives. Declare the same input at both sides.`,
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
    let result: unknown;
    try {
      result = handler(request, this.#call);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (isThenable(result)) {
      this.#deciding = Promise.resolve(result).then(
        (given) => {
          this.#deciding = undefined;
          this.#feed(given);
        },
        (error: unknown) => {
          this.#deciding = undefined;
          this.fail(error);
        },
      );
    } else this.#feed(result);
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
          ? `${this.route}: ${caller} sent more items than the window of the input, ${String(this.#route.inWindow?.initial)}, holds. Declare the same inCapacity at both sides.`
          : `${this.route}: ${caller} sent an item after the end of its input, or the route has no input here. Declare the same input at both sides.`,
    });
  }

  writable(): void {
    this.#regions?.resume();
    this.#feeder?.resume();
  }

  ended(error: GridError | undefined): void {
    // The signal first: what the handler's clean-up throws because of it is no error.
    if (error !== undefined) this.#call.abort(error);
    this.#stop();
    // Not as if the caller had completed it: who still reads would take what it has for the whole.
    this.#inbound.end(error ?? new CancelledError(`${this.route}: the handler has ended, and with it its input.`));
    if (error === undefined && !this.#inbound.taken) this.#inbound.discard();
  }

  get running(): PromiseLike<unknown> | undefined {
    return this.#deciding ?? this.#feeder?.running;
  }

  // --- the input's side

  get report(): Report {
    return this.#context.report;
  }

  decode(payload: Uint8Array): unknown {
    return this.#route.input!.decode(payload);
  }

  release(): void {
    this.#stream.release();
  }

  /** What the caller sent does not decode. */
  undecodable(error: unknown): void {
    this.#call.abort(error);
    this.#stop();
    if (isCallersFault(error)) this.#tell(error);
    else this.fail(error);
  }

  // --- the handler's side

  get canSend(): boolean {
    return this.#stream.writable;
  }

  encode(item: unknown): Uint8Array {
    const payload = this.#route.output.encode(item);
    checkPayloadSize(payload, this.#context.limits, this.route, 'item');
    return payload;
  }

  send(payload: Uint8Array): void {
    this.#stream.send(payload);
  }

  complete(): void {
    this.#stream.complete();
  }

  fail(error: unknown): void {
    if (this.#tell(error) || !this.#call.isAbort(error)) this.#report(error);
  }

  #report(error: unknown): void {
    this.#context.report({
      type: 'handler-error',
      route: this.route,
      caller: this.#call.caller,
      error: errorInfo(error),
    });
  }

  #stop(): void {
    guarded(this.onThrown, () => this.#regions?.stop());
    guarded(this.onThrown, () => this.#feeder?.stop());
  }

  // False where the handler has ended already, be it that the end still waits for credit.
  #tell(error: unknown): boolean {
    if (this.#stream.ended || this.#stream.sendEnded) return false;
    this.#stream.fail(errorText(error));
    return true;
  }

  // A method, because the compiler does not see what a handler does.
  #hasEnded(): boolean {
    return this.#stream.ended;
  }

  // A result may be an object of any kind, whose getters throw.
  #feed(given: unknown): void {
    guarded(this.#onFailed, this.#feedNow, given);
  }

  readonly #onFailed = (error: unknown): void => {
    this.fail(error);
  };

  readonly #feedNow = (given: unknown): void => {
    const alone = this.#regions !== undefined && isRegionItem(given);
    const none = given === undefined && !this.#route.hasOutput;
    const result = alone ? [given] : none ? [] : given;
    if (this.#stream.ended) {
      // The caller has gone while the handler made up its mind. An Observable has not begun; an iterator may clean up.
      if (isFeedSource(result) && !isObservable(result))
        feed(result, this.#regions ?? this, this.#context.bounds).stop();
      return;
    }
    if (!isFeedSource(result)) {
      this.fail(
        new HandlerError(
          `${this.route}: a stream handler must give an Observable, an iterable or an async iterable, or a Promise of one.${foreignObservableHint(result)}`,
        ),
      );
      return;
    }
    this.#feeder = feed(result, this.#regions ?? this, this.#context.bounds);
    if (this.#hasEnded()) this.#feeder.stop();
  };
}
