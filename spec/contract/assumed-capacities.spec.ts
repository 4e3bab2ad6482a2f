import { describe, expect, it } from '@jest/globals';
import { CallInterceptors } from '../../lib/calls/call-interceptors.js';
import { UnsentMeta } from '../../lib/calls/unsent-meta.js';
import { RouteConnection } from '../../lib/calls/route-connection.js';
import { AssumedCapacities } from '../../lib/contract/assumed-capacities.js';
import { toWireRoute, WireRoutes } from '../../lib/contract/wire-route.js';
import { duplexResponder } from '../../lib/handlers/duplex-dispatch.js';
import { duplex, msgpack, raw, type GridEvent } from '../../lib/index.js';
import { defaultLimits } from '../../lib/limits.js';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { Flag } from '../../lib/wire/ops.js';
import { loneEngine } from '../support/protocol/engines.js';
import { fromCaller } from '../support/protocol/frames.js';
import { agreed, TestConnection } from '../support/protocol/links.js';
import { ManualRuntime } from '../support/manual-runtime.js';

const bounds = { items: 1, bytes: 1 };

const watch = (outCapacity?: number) =>
  duplex({ name: 'watch', id: 7, request: raw, output: raw, ...(outCapacity === undefined ? {} : { outCapacity }) });
type Watch = ReturnType<typeof watch>;

/** Opens a stream of `route` twice from a peer, and gives the events at the handler's side. */
function served(route: Watch, extensions: boolean): GridEvent[] {
  const events: GridEvent[] = [];
  const report = (event: GridEvent): void => void events.push(event);
  const end = loneEngine({ extensions });
  const context = {
    runtime: end.runtime,
    limits: defaultLimits,
    report,
    bounds,
    assumed: new AssumedCapacities(report),
  };
  const connectFor = (): never => {
    throw new Error('not called');
  };
  end.serve(
    7,
    duplexResponder(toWireRoute(route, msgpack()), () => [], { ...context, connectFor }),
  );
  const connect = { handler: 7, flags: Flag.Eof };
  end.receive(fromCaller.connectMux(1, connect), fromCaller.connectMux(2, connect));
  return events;
}

/** Calls `route` twice at a peer, and gives the events at the caller's side. */
function called(route: Watch, extensions: boolean): GridEvent[] {
  const events: GridEvent[] = [];
  const report = (event: GridEvent): void => void events.push(event);
  const runtime = new ManualRuntime();
  const test = new TestConnection(runtime, 'http://peer');
  test.connection.open(
    test.link(linkedSockets()[0], extensions ? agreed : { ...agreed, ack: false, credits: false, bytes: false }),
  );
  const routes = new RouteConnection({
    runtime,
    limits: test.limits,
    connection: test.connection,
    routes: new WireRoutes(msgpack()),
    report,
    bounds,
    assumed: new AssumedCapacities(report),
    unsentMeta: new UnsentMeta(report),
    interceptors: new CallInterceptors(),
  });
  for (let count = 0; count < 2; count++) routes.stream(route, new Uint8Array(0)).subscribe().unsubscribe();
  test.connection.close();
  return events;
}

describe.each([
  ['at the handler', served],
  ['at the caller', called],
])('an assumed capacity, %s', (_, events) => {
  it('is an event, once per route, where the peer does not announce its own', () => {
    expect(events(watch(), false)).toStrictEqual([
      {
        type: 'capacity-assumed',
        route: 'watch',
        host: 'http://peer',
        capacity: 16,
        remedy:
          'watch: http://peer does not announce its capacities, and the route declares none: 16 is assumed. Declare outCapacity as in the table of http://peer, or its streams may fail or stall.',
      },
    ]);
  });

  it('is not assumed where the peer announces its own, or the route declares one', () => {
    expect(events(watch(), true)).toStrictEqual([]);
    expect(events(watch(16), false)).toStrictEqual([]);
  });
});
