// The same unary echo of 512 bytes, plain and with what services add to it.
import { defineError, raw, unary } from 'rxgrid';
import { instrument } from 'rxgrid/otel';
import { startHost } from './two-hosts.mjs';

const bytes = new Uint8Array(512);
const Full = defineError('full');
const echo = unary({ id: 1, name: 'echo', request: raw, response: raw });
const declared = unary({ id: 2, name: 'declared', request: raw, response: raw, errors: [Full] });
const meta = { tenant: 'a', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
let host;

export async function start(port, otherPort, ways) {
  const intercept = {
    plain: undefined,
    interceptors: { calls: [(call, next) => next(call)], handlers: [(call, next) => next(call)] },
    // Without an SDK the spans record nothing: what is measured is the instrumentation itself.
    otel: instrument({}).intercept,
  }[ways];
  host = await startHost(
    port,
    otherPort,
    (grid) => {
      grid.handle(echo, (value) => value);
      grid.handle(declared, (value) => value);
    },
    intercept === undefined ? {} : { intercept },
  );
  await host.other.ready();
}

const calls = {
  plain: () => host.other.request(echo, bytes),
  metadata: () => host.other.request(echo, bytes, { meta }),
  errors: () => host.other.request(declared, bytes),
  'routes$ observed': () => host.other.request(echo, bytes),
};

const call = (way) =>
  new Promise((resolve, reject) => {
    calls[way]().subscribe({ next: resolve, error: reject });
  });

/** Echoes for `ms`, with `concurrency` calls in flight; gives calls per second. */
export async function rate(way, concurrency, ms) {
  let count = 0;
  let over = false;
  const start = performance.now();
  setTimeout(() => (over = true), ms);
  const caller = async () => {
    for (; !over; count++) await call(way);
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return (count / (performance.now() - start)) * 1_000;
}

let observing;

/** Whether somebody observes the routes of this host. */
export function observe(on) {
  observing?.unsubscribe();
  observing = on ? host.grid.routes$.subscribe() : undefined;
}
