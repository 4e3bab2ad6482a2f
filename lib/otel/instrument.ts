import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Meter,
  type Span,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api';
import { defer, Observable, tap } from 'rxjs';
import { checkOptions, withMethods, type Rule } from '../check.js';
import type { IncomingCall, InterceptOptions, Interceptor, OutgoingCall } from '../contract/interceptor.js';
import type { Manager } from '../endpoint/manager.js';
import { outcomeOf } from '../metrics/outcome.js';
import type { Outcome } from '../metrics/route-meter.js';
import { ContextCarrier } from './context-carrier.js';
import { observeManager } from './gauges.js';
import { attributeNames, durationBoundaries, metricNames, system } from './conventions.js';

/** Options of {@link instrument}. What is left out is not recorded. */
export interface InstrumentOptions {
  /** Makes a span of each call, at both sides. */
  readonly tracer?: Tracer;
  /** Records durations of calls, and what {@link Instrumentation.observe} observes. */
  readonly meter?: Meter;
  /**
   * Carries the context of a span in the metadata of calls. Default: the global one of `@opentelemetry/api`. What it
   * adds beyond `maxMetaBytes`, such as a large baggage, is left out, which is reported once to the diagnostic logger
   * of OpenTelemetry.
   */
  readonly propagator?: TextMapPropagator;
}

/** Traces and metrics of the calls of a process. */
export interface Instrumentation {
  /**
   * The interceptors for `new Manager({ intercept })` and `connect(url, { intercept })`. To have others too, join the
   * lists: `{ calls: [...instrumentation.intercept.calls, addTenant], … }`. A span covers what stands behind it in a
   * list.
   */
  readonly intercept: Required<InterceptOptions>;
  /** Records the connections, send queues, credit stalls and open streams of a manager, until the manager is closed. */
  observe(manager: Manager): void;
}

const rules: Readonly<Record<keyof InstrumentOptions, Rule>> = {
  tracer: withMethods('a Tracer of @opentelemetry/api', 'startSpan'),
  meter: withMethods('a Meter of @opentelemetry/api', 'createHistogram'),
  propagator: withMethods('a TextMapPropagator of @opentelemetry/api', 'inject', 'extract'),
};

/**
 * Instruments calls with OpenTelemetry, by its semantic conventions for RPC: a client span for each call, a server span
 * for each handler, linked across hosts by W3C trace context in the metadata; histograms of durations in seconds. A
 * call that a handler makes, on `call.connection(host)`, belongs to the trace of the call that it serves, also without
 * a context manager.
 *
 * @throws ConfigurationError for an option that is unknown, or is not of the right type.
 */
export function instrument(options: InstrumentOptions): Instrumentation {
  checkOptions(options, rules, { of: 'instrument' });
  const { tracer, meter, propagator = propagation } = options;
  const clientDuration = durationOf(meter, metricNames.clientDuration, 'Duration of outbound calls.');
  const serverDuration = durationOf(meter, metricNames.serverDuration, 'Duration of inbound calls.');
  const carrier = new ContextCarrier(propagator);
  // Contexts of the handlers' spans, by the metadata that their handlers see.
  const served = new WeakMap<object, Context>();

  const calls: Interceptor<OutgoingCall> = (call, next) => {
    const attributes = { ...attributesOf(call), ...addressOf(call.host) };
    return watched(call, clientDuration, attributes, () => {
      const parent = parentOf(call, served);
      const span = tracer?.startSpan(call.route.name, { kind: SpanKind.CLIENT, attributes }, parent);
      if (span === undefined) return { span, result: next(call) };
      const meta = carrier.inject(trace.setSpan(parent, span), call.meta, call.maxMetaBytes);
      return { span, result: next({ ...call, meta }) };
    });
  };

  const handlers: Interceptor<IncomingCall> = (call, next) => {
    const attributes = attributesOf(call);
    return watched(call, serverDuration, attributes, () => {
      const remote = carrier.extract(call.meta);
      const span = tracer?.startSpan(call.route.name, { kind: SpanKind.SERVER, attributes }, remote);
      const own = span === undefined ? remote : trace.setSpan(remote, span);
      // An object of its own for each call: it leads from the handler's calls to this context.
      const meta = { ...call.meta };
      served.set(meta, own);
      const result = next({ ...call, meta });
      return { span, result: new Observable((subscriber) => context.with(own, () => result.subscribe(subscriber))) };
    });
  };

  return {
    intercept: { calls: [calls], handlers: [handlers] },
    observe: (manager) => {
      if (meter !== undefined) observeManager(manager, meter);
    },
  };
}

type RecordDuration = (seconds: number, attributes: Attributes) => void;

function durationOf(meter: Meter | undefined, name: string, description: string): RecordDuration | undefined {
  const histogram = meter?.createHistogram(name, {
    description,
    unit: 's',
    advice: { explicitBucketBoundaries: [...durationBoundaries] },
  });
  return histogram && ((seconds, attributes) => histogram.record(seconds, attributes));
}

/** Ends the span, and records the duration, when the call ends or is given up. Items pass as they come. */
function watched(
  { runtime }: OutgoingCall | IncomingCall,
  record: RecordDuration | undefined,
  attributes: Attributes,
  begin: () => { readonly span: Span | undefined; readonly result: Observable<unknown> },
): Observable<unknown> {
  return defer(() => {
    const began = runtime.now();
    const { span, result } = begin();
    const end = (outcome: Outcome): void => {
      const more = outcomeAttributes(outcome);
      record?.((runtime.now() - began) / 1_000, { ...attributes, ...more });
      if (span === undefined) return;
      span.setAttributes(more);
      if (typeof outcome === 'object') span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    };
    // An operator: the credit of the items follows their consumer through it. Exactly one of these is called.
    return result.pipe(
      tap({
        complete: () => {
          end('ok');
        },
        error: (error: unknown) => {
          end(outcomeOf(error ?? {}));
        },
        unsubscribe: () => {
          end('cancelled');
        },
      }),
    );
  });
}

function outcomeAttributes(outcome: Outcome): Attributes {
  if (outcome === 'ok') return { [attributeNames.statusCode]: 'ok' };
  const code = outcome === 'cancelled' ? 'cancelled' : outcome.code;
  return { [attributeNames.statusCode]: code, [attributeNames.errorType]: code };
}

function attributesOf({ route }: OutgoingCall | IncomingCall): Attributes {
  return { [attributeNames.system]: system, [attributeNames.method]: route.name };
}

// A leaf has an identity, which is no address.
function addressOf(host: string): Attributes {
  if (!URL.canParse(host)) return { [attributeNames.serverAddress]: host };
  const { hostname, port, protocol } = new URL(host);
  const secure = protocol === 'https:' || protocol === 'wss:';
  return {
    [attributeNames.serverAddress]: hostname,
    [attributeNames.serverPort]: port === '' ? (secure ? 443 : 80) : Number(port),
  };
}

// A span that the program has made itself comes first. Without a context manager there is none, and the call that a
// handler serves leads to the span of that handler.
function parentOf({ parent }: OutgoingCall, served: WeakMap<object, Context>): Context {
  const active = context.active();
  if (trace.getSpan(active) !== undefined || parent === undefined) return active;
  return served.get(parent.meta) ?? active;
}
