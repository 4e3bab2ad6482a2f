import type { Runtime } from '../../../lib/runtime.js';
import type { Observable } from 'rxjs';
import { agree, announcedExtensions, type Agreement } from '../../../lib/connection/handshake.js';
import { HostConnection } from '../../../lib/connection/host-connection.js';
import type { ConnectionState } from '../../../lib/connection/connection-state.js';
import type { WaitingCall } from '../../../lib/connection/waiting-calls.js';
import { Link } from '../../../lib/connection/link.js';
import { linkedSockets } from '../../../lib/transport/memory-socket.js';
import type { Socket } from '../../../lib/transport/socket.js';
import { DisconnectedError, type GridError } from '../../../lib/errors.js';
import { defaultLimits, type Limits } from '../../../lib/limits.js';
import type { Engine, Responder } from '../../../lib/mux/engine.js';
import { answerCalls } from '../../../lib/mux/incoming-frames.js';
import { ResponseRecorder, testChecksum } from './engines.js';
import { bytesOf } from './frames.js';
import { ManualRuntime } from '../manual-runtime.js';

/*
 * Connections over sockets in memory, on virtual time, without managers.
 */

/** Lets everything happen that needs no time, promises too. */
export async function settle(runtime: ManualRuntime): Promise<void> {
  for (let round = 0; round < 6; round++) {
    runtime.turn();
    // One macrotask: all promises that can settle have settled.
    await new Promise((resolve) => setImmediate(resolve));
  }
  runtime.turn();
}

/** Lets time pass in steps, with everything that promises do between. A step of 1 ms is exact. */
export async function pass(runtime: ManualRuntime, ms: number, step = 50): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    runtime.advance(Math.min(step, left));
    await new Promise((resolve) => setImmediate(resolve));
    runtime.turn();
  }
  await settle(runtime);
}

/** What two rxgrid hosts agree on. */
export const agreed: Agreement = agree(announcedExtensions('auto'), announcedExtensions('auto'), false);

/** A connection to `host`, with its states and handlers. */
export class TestConnection {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly connection: HostConnection;
  readonly states: ConnectionState[] = [];
  readonly #responders = new Map<number, Responder>();

  constructor(runtime: Runtime, host = 'http://b', limits: Partial<Limits> = {}) {
    this.runtime = runtime;
    this.limits = { ...defaultLimits, ...limits };
    this.connection = new HostConnection({ host, runtime, limits: this.limits });
    this.connection.state$.subscribe((state) => this.states.push(state));
  }

  /** Statuses so far, in order. */
  get statuses(): string[] {
    return this.states.map(({ status }) => status);
  }

  /** A link over a socket, not yet the connection's. */
  link(socket: Socket, agreement = agreed): Link {
    return new Link({
      socket,
      runtime: this.runtime,
      limits: this.limits,
      running: this.connection.running,
      checksum: testChecksum,
      agreement,
      remoteId: new Uint8Array(16),
      caller: { name: this.connection.host, kind: 'host' },
      find: (handler) => this.#responders.get(handler) ?? `No handler ${handler}.`,
      incoming: answerCalls,
      disconnected: (sent) => this.connection.disconnected(sent),
    });
  }

  /** Makes a link over a socket the connection's. */
  open(socket: Socket): Link {
    const link = this.link(socket);
    this.connection.open(link);
    return link;
  }

  /** Calls handler 1 with the payload `x`, as routes do. */
  call(options: Partial<Pick<WaitingCall, 'wait' | 'deadline'>> = {}, onStart?: () => void): TestCall {
    return new TestCall(this.connection, { deadline: this.runtime.now() + 60_000, ...options }, onStart);
  }

  serve(handler: number, responder: Responder): void {
    this.#responders.set(handler, responder);
  }

  /** Answers every call of handler 1 with its payload. */
  serveEcho(): void {
    this.serve(1, {
      kind: 'unary',
      respond: (mux, payload) => {
        mux.respond(payload);
      },
    });
  }

  /** Never answers handler 1. */
  serveSilence(): void {
    this.serve(1, { kind: 'unary', respond: () => undefined });
  }
}

/** A unary call, as routes make it, and what it received. */
export class TestCall extends ResponseRecorder implements WaitingCall {
  readonly deadline: number;
  readonly wait: boolean | number | undefined;
  readonly bytes = 0;
  readonly takeBack: () => void;
  /** Times that it was started. */
  started = 0;
  readonly #onStart: (() => void) | undefined;

  constructor(
    connection: HostConnection,
    { wait, deadline }: Partial<WaitingCall> & Pick<WaitingCall, 'deadline'>,
    onStart: (() => void) | undefined,
  ) {
    super();
    this.wait = wait;
    this.deadline = deadline;
    this.#onStart = onStart;
    this.takeBack = connection.withEngine(this);
  }

  /** The error, which is a DisconnectedError. */
  get lost(): DisconnectedError<Observable<void>> {
    if (this.error instanceof DisconnectedError) return this.error as DisconnectedError<Observable<void>>;
    throw new Error(`The call received ${this.received.join(', ')}, no disconnected error.`);
  }

  start(engine: Engine): void {
    this.started++;
    this.mux = engine.request({ handler: 1 }, bytesOf('x'), this.deadline, this);
    this.#onStart?.();
  }

  fail(error: GridError): void {
    this.failed(error);
  }
}

/** Two connections, each the other's other end, linked in memory. `b` echoes. */
export function linkedPair(
  limits: Partial<Limits> = {},
  runtime = new ManualRuntime(),
): { runtime: ManualRuntime; a: TestConnection; b: TestConnection; sockets: readonly [Socket, Socket] } {
  const a = new TestConnection(runtime, 'http://b', limits);
  const b = new TestConnection(runtime, 'http://a', limits);
  const sockets = linkedSockets();
  b.serveEcho();
  b.open(sockets[1]);
  a.open(sockets[0]);
  runtime.turn();
  return { runtime, a, b, sockets };
}
