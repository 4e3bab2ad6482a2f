import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  context,
  diag,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import * as conventions from '@opentelemetry/semantic-conventions';
import * as incubating from '@opentelemetry/semantic-conventions/incubating';
import { lastValueFrom, map, NEVER, switchMap, timer, toArray } from 'rxjs';
import { raw, type } from '../../lib/codec/codec.js';
import { duplex, unary } from '../../lib/contract/contract.js';
import { attributeNames, durationBoundaries, metricNames } from '../../lib/otel/conventions.js';
import { instrument } from '../../lib/otel/index.js';
import { consume } from '../../lib/operators/consume.js';
import { gridTest } from '../../lib/testing/index.js';

const outer = unary({ name: 'outer', request: type<number>(), response: type<number>() });
const inner = unary({ name: 'inner', request: type<number>(), response: type<number>() });
const leafOne = unary({ name: 'innermost', request: type<number>(), response: type<number>() });
const feed = duplex({ name: 'feed', request: type<number>(), output: raw, outCapacity: 2 });

const spans = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer('rxgrid');
const propagator = new W3CTraceContextPropagator();
const metricsExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: metricsExporter, exportIntervalMillis: 2 ** 30 });
const meter = new MeterProvider({ readers: [reader] }).getMeter('rxgrid');

afterEach(() => {
  spans.reset();
  metricsExporter.reset();
  context.disable();
});

const metrics = async (): Promise<Map<string, MetricData>> => {
  await reader.forceFlush();
  const [resource] = metricsExporter.getMetrics().slice(-1);
  return new Map(resource!.scopeMetrics[0]!.metrics.map((metric) => [metric.descriptor.name, metric]));
};
const attributesOf = (metric: MetricData | undefined): unknown[] =>
  metric!.dataPoints.map(({ attributes }) => attributes);
const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;

/** A propagator that injects what a test says. */
function propagatorOf(inject: (carrier: unknown, set: (carrier: unknown, key: string, value: string) => void) => void) {
  return {
    inject: (_: Context, carrier: unknown, setter: TextMapSetter) => {
      inject(carrier, (to, key, value) => {
        setter.set(to, key, value);
      });
    },
    extract: (from: Context) => from,
    fields: () => [],
  };
}

describe('instrument()', () => {
  it.each([
    ['with a context manager', true],
    ['without one', false],
  ])('a call across three hosts is one trace, %s', (_, manager) =>
    gridTest(async ({ cluster }) => {
      if (manager) context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      const { intercept } = instrument({ tracer, propagator });
      const grid = cluster({ hosts: 4, intercept });
      const [b, c, d] = [grid.host('b'), grid.host('c'), grid.host('d')];
      b.handle(outer, (value, call) =>
        timer(5).pipe(switchMap(() => call.connection('http://c').request(inner, value))),
      );
      c.handle(inner, async (value, call) => {
        await Promise.resolve();
        return lastValueFrom(call.connection('http://d').request(leafOne, value));
      });
      d.handle(leafOne, (value) => value + 1);
      await grid.connected();
      expect(await lastValueFrom(grid.host('a').connection('b').request(outer, 1))).toBe(2);

      const finished = spans.getFinishedSpans();
      expect(new Set(finished.map((span) => span.spanContext().traceId)).size).toBe(1);
      const order = ['outer', 'inner', 'innermost'].flatMap((name) =>
        [SpanKind.CLIENT, SpanKind.SERVER].map((kind) =>
          finished.find((span) => span.name === name && span.kind === kind)!,
        ),
      );
      expect(finished).toHaveLength(6);
      // Each span is the child of the one before: caller, handler, caller, handler, …
      expect(order.map(parentOf)).toStrictEqual([
        undefined,
        ...order.slice(0, -1).map((span) => span.spanContext().spanId),
      ]);
      expect(order[0]!.attributes).toStrictEqual({
        'rpc.system.name': 'rxgrid',
        'rpc.method': 'outer',
        'rpc.response.status_code': 'ok',
        'server.address': 'b',
        'server.port': 80,
      });
      expect(order[1]!.attributes).toStrictEqual({
        'rpc.system.name': 'rxgrid',
        'rpc.method': 'outer',
        'rpc.response.status_code': 'ok',
      });
    }),
  );

  it('a span created by the program is the parent of its calls', () =>
    gridTest(async ({ cluster }) => {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      const grid = cluster({ hosts: 2, intercept: instrument({ tracer, propagator }).intercept });
      grid.host('b').handle(inner, (value) => value);
      await grid.connected();
      const own = tracer.startSpan('own');
      await context.with(trace.setSpan(context.active(), own), () =>
        lastValueFrom(grid.host('a').connection('b').request(inner, 1)),
      );
      const client = spans.getFinishedSpans().find(({ kind }) => kind === SpanKind.CLIENT)!;
      expect(parentOf(client)).toBe(own.spanContext().spanId);
    }));

  it('records how calls end: errors by code, cancels without an error status, streams with their items', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster({ hosts: 2, intercept: instrument({ tracer, meter, propagator }).intercept });
      const b = grid.host('b');
      b.handle(inner, () => {
        throw new Error('no');
      });
      b.handle(outer, () => NEVER);
      b.handle(feed, function* (count) {
        for (let item = 0; item < count; item++) yield Uint8Array.of(item);
      });
      await grid.connected();
      const host = grid.host('a').connection('b');
      await lastValueFrom(host.request(inner, 1)).catch(() => undefined);
      const call = host.request(outer, 1).subscribe();
      await advance(50);
      call.unsubscribe();
      await lastValueFrom(host.request(outer, 1, { timeout: 100 })).catch(() => undefined);
      let ahead = 0;
      const items = await lastValueFrom(
        host.stream(feed, 50).pipe(
          consume(() => timer(1).pipe(map(() => ++ahead))),
          toArray(),
        ),
      );
      expect(items).toHaveLength(50);
      await advance(200);
      const clients = spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT);
      expect(
        clients.map(({ name, status, attributes }) => [name, status.code, attributes['error.type']]),
      ).toStrictEqual([
        ['inner', SpanStatusCode.ERROR, 'internal'],
        ['outer', SpanStatusCode.UNSET, 'cancelled'],
        ['outer', SpanStatusCode.ERROR, 'deadline-exceeded'],
        ['feed', SpanStatusCode.UNSET, undefined],
      ]);
      const servers = spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.SERVER);
      expect(servers.map(({ name }) => name).sort()).toStrictEqual(['feed', 'inner', 'outer', 'outer']);

      const found = await metrics();
      for (const name of [metricNames.clientDuration, metricNames.serverDuration]) {
        const { descriptor, dataPoints } = found.get(name)!;
        expect(descriptor).toMatchObject({ unit: 's', type: 'HISTOGRAM' });
        const { buckets } = dataPoints[0]!.value as { buckets: { boundaries: number[] } };
        expect(buckets.boundaries).toStrictEqual([...durationBoundaries]);
      }
      expect(attributesOf(found.get(metricNames.clientDuration))).toContainEqual({
        ...{ 'rpc.system.name': 'rxgrid', 'rpc.method': 'outer', 'server.address': 'b', 'server.port': 80 },
        ...{ 'rpc.response.status_code': 'deadline-exceeded', 'error.type': 'deadline-exceeded' },
      });
    }));

  it.each<[string, TextMapPropagator, string, object]>([
    [
      'baggage that is larger than metadata may be',
      new CompositePropagator({ propagators: [propagator, new W3CBaggagePropagator()] }),
      'baggage, of 1002 characters, is left out: metadata may have 200 bytes',
      { traceparent: expect.any(String), tenant: 'a' },
    ],
    [
      'what metadata cannot hold',
      propagatorOf((carrier, set) => {
        set(carrier, 'x-own', 'one\ntwo');
        set(carrier, 'x-good', 'good');
      }),
      'x-own, of 7 characters, is left out: metadata may have 200 bytes',
      { 'x-good': 'good', tenant: 'a' },
    ],
    [
      'what fails',
      propagatorOf(() => {
        throw new Error('no context today');
      }),
      'its propagator failed: no context today',
      { tenant: 'a' },
    ],
  ])('a propagator that adds %s fails no call: it is reported once', (_, carrier, warning, expected) =>
    gridTest(async ({ cluster }) => {
      const warn = jest.fn();
      diag.setLogger({ ...console, verbose: warn, warn }, { suppressOverrideMessage: true });
      context.setGlobalContextManager(new AsyncLocalStorageContextManager());
      const { intercept } = instrument({ tracer, propagator: carrier });
      const grid = cluster({ hosts: 2, limits: { maxMetaBytes: 200 }, intercept });
      const seen: unknown[] = [];
      grid.host('b').handle(outer, (value, { meta }) => {
        seen.push({ ...meta });
        return value;
      });
      await grid.connected();
      const entries = { k: { value: 'x'.repeat(1_000) } };
      const baggage = propagation.setBaggage(context.active(), propagation.createBaggage(entries));
      for (let n = 0; n < 2; n++) {
        const call = context.with(baggage, () =>
          lastValueFrom(
            grid
              .host('a')
              .connection('b')
              .request(outer, n, { meta: { tenant: 'a' } }),
          ),
        );
        expect(await call).toBe(n);
      }
      expect(seen).toStrictEqual([expected, expected]);
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn).toHaveBeenCalledWith(expect.stringContaining(warning));
      diag.disable();
    }),
  );

  it('observes the connections, queues and stalls of a manager, until it is closed', () =>
    gridTest(async ({ cluster, advance }) => {
      const grid = cluster(2);
      const { manager } = grid.host('a');
      instrument({ meter }).observe(manager);
      instrument({ tracer }).observe(manager);
      await grid.connected();
      const found = await metrics();
      expect(found.get(metricNames.connections)!.dataPoints).toMatchObject([
        { value: 1, attributes: { 'rxgrid.connection.state': 'connected', 'server.address': 'http://a' } },
      ]);
      for (const [name, unit] of [
        [metricNames.queue, 'By'],
        [metricNames.stalls, '{stall}'],
        [metricNames.calls, '{call}'],
      ] as const) {
        expect(found.get(name)!.descriptor.unit).toBe(unit);
        expect(attributesOf(found.get(name))).toStrictEqual([
          { 'server.address': 'http://a', 'rxgrid.peer': 'http://b' },
        ]);
      }
      await grid.close();
      await advance(10);
      const asked = jest.spyOn(manager, 'connection');
      await reader.forceFlush();
      expect(asked).not.toHaveBeenCalled();
    }));

  it('refuses objects that are not from OpenTelemetry', () => {
    expect(() => instrument({ tracer: {} as never })).toThrow('tracer must be a Tracer');
    expect(() => instrument({ metre: meter } as never)).toThrow('Did you mean meter');
  });
});

it('the buckets of durations are those of the semantic conventions, in seconds', () => {
  // "SHOULD be specified with ExplicitBucketBoundaries of …", for both metrics.
  const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
  expect(durationBoundaries).toStrictEqual(boundaries);
  const page = readFileSync(join(__dirname, '../../docs/guide/observing.md'), 'utf8').replace(/\s+/g, ' ');
  expect(page).toContain(boundaries.join(', '));
  for (const name of Object.values(metricNames)) expect(page).toContain(name);
});

it('names are those of the semantic conventions', () => {
  expect(metricNames).toMatchObject({
    clientDuration: 'rpc.client.call.duration',
    serverDuration: 'rpc.server.call.duration',
  });
  const known = new Set(Object.values({ ...conventions, ...incubating }).filter((value) => typeof value === 'string'));
  const { connections, queue, stalls, calls, ...standard } = metricNames;
  for (const name of [...Object.values(attributeNames), ...Object.values(standard)]) expect(known).toContain(name);
  for (const own of [connections, queue, stalls, calls]) expect(own).toMatch(/^rxgrid\./);
});
