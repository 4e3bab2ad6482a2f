// 64 unary calls over a connection of a host to itself: what a user subscribes to, against calls of the engine below
// with a bare callback. It says what the Observable and its route cost on top.
import { raw, unary } from '../../dist/esm/index.js';
import { linkedSockets } from '../../dist/esm/transport/memory-socket.js';
import { Endpoint } from '../../dist/esm/endpoint/endpoint.js';
import { Registry } from '../../dist/esm/handlers/registry.js';
import { HandRuntime } from './hand-runtime.mjs';

const calls = 64;
const handler = 1;
const timeout = 60_000;
const echo = unary({ id: handler, name: 'echo', request: raw, response: raw });
const payloads = Array.from({ length: calls }, (_, index) => new Uint8Array(100).fill(index));
const fail = (error) => {
  throw error;
};

export async function create() {
  const runtime = new HandRuntime();
  const side = new Endpoint({ runtime }, () => fail(new Error('no calls from handlers')));
  await side.prepare();
  new Registry(side.serving).add({ route: echo, handler: (payload) => payload });
  const host = 'http://localhost';
  const { connection, routes } = side.connect(host);
  const agreement = {
    extended: true,
    ack: true,
    credits: true,
    bytes: true,
    meta: true,
    err: true,
    sendChecksum: false,
  };
  const [near, far] = linkedSockets();
  side.link(connection, { socket: far, agreement, remoteId: side.id, caller: host });
  connection.open(side.link(connection, { socket: near, agreement, remoteId: side.id, caller: host }));
  const { engine } = connection;
  const subscribeAll = (next) => {
    for (const payload of payloads) routes.request(echo, payload).subscribe({ next, error: fail });
    runtime.endTurns();
  };
  const callAll = (response) => {
    const deadline = runtime.now() + timeout;
    const sink = { route: 'echo', response, failed: fail };
    for (const payload of payloads) engine.request({ handler }, payload, deadline, sink);
    runtime.endTurns();
  };
  const answersOf = (all) => {
    const answers = [];
    all((payload) => answers.push(payload.slice()));
    return answers;
  };
  return {
    operations: calls,
    ours: () => subscribeAll(() => {}),
    plain: () => callAll(() => {}),
    compare: () => [answersOf(subscribeAll), answersOf(callAll)],
  };
}
