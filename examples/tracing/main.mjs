// Metadata and tracing: a call that crosses three hosts is one trace. `node examples/tracing/main.mjs`
import { firstValueFrom, map } from 'rxjs';
import { staticToken, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { instrument } from 'rxgrid/otel';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const order = unary({ id: 1, name: 'order', request: type(), response: type() });
const reserve = unary({ id: 2, name: 'reserve', request: type(), response: type() });

// A program exports its spans to a collector; this one keeps them, and prints them at its end.
const spans = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer('shop');
const names = [7801, 7802, 7803].map((port) => `http://127.0.0.1:${port}`);

// #region instrument
const { intercept } = instrument({ tracer, propagator: new W3CTraceContextPropagator() });
const [page, shop, stock] = names.map(
  (local) => new Manager({ local, hosts: names, auth: staticToken('example'), intercept }),
);
// #endregion

shop.handle(order, (item, call) =>
  // The trace goes on by itself. Other metadata is passed on where the handler says so.
  call
    .connection(stock.local)
    .request(reserve, item, { meta: { tenant: call.meta.tenant } })
    .pipe(map((left) => `${item}: ordered, ${left} left`)),
);
stock.handle(reserve, (item, call) => {
  console.log(`stock: reserve ${item} for tenant ${call.meta.tenant}`);
  return 41;
});

await Promise.all([page, shop, stock].map((host) => host.listen()));
const answer = await firstValueFrom(page.connection(shop.local).request(order, 'tea', { meta: { tenant: 'acme' } }));
console.log(`page: ${answer}`);
await Promise.all([page, shop, stock].map((host) => host.close()));

const finished = spans.getFinishedSpans();
const traces = new Set(finished.map((span) => span.spanContext().traceId));
console.log(`${finished.length} spans in ${traces.size} trace`);
const print = (parent, indent) => {
  for (const span of finished.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)) {
    console.log(`${indent}${span.kind === 2 ? 'calls' : 'serves'} ${span.name}`);
    print(span.spanContext().spanId, `${indent}  `);
  }
};
print(undefined, '  ');
