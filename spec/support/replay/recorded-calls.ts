import { createHash } from 'node:crypto';
import { Subject, type Observable } from 'rxjs';
import { GridError, RemoteError } from '../../../lib/errors.js';
import type { Connection } from '../../../lib/index.js';
import { raw, type } from '../../../lib/codec/codec.js';
import { duplex, unary } from '../../../lib/contract/contract.js';
import type { Frame } from '../../../lib/wire/frame.js';
import { Op } from '../../../lib/wire/ops.js';
import { capacities } from './recorded-handlers.js';
import { hexOf } from '../protocol/vectors.js';
import { msgpack } from '../../../lib/codec/msgpack-codec.js';

/*
 * Calls of the recorded callers, made again through the public API.
 */

/** How a recorded caller took the items of its stream. */
export type Consumer = (items: Observable<Uint8Array>) => Observable<Uint8Array>;

/** Subroutes that the recorded callers used; `nope` has no handler. The recordings show their ids only. */
const subroutes = ['a/b', 'c', 'x/y', 'nope'];
/** Added to a recorded deadline, which is what was left of a round number: so it shows whether ours is rounded down. */
const fraction = 0.75;
const defaultTimeout = 60_000;

/** What one call saw. */
export interface Seen {
  readonly got: readonly unknown[];
  /** Undefined: it ended well, or not yet. */
  readonly error?: unknown;
}

/** One call. It starts at once. */
export class RecordedCall {
  readonly kind: 'unary' | 'duplex';
  readonly payload: Uint8Array;
  readonly got: unknown[] = [];
  error: unknown = undefined;
  ended = false;
  /** What the caller sends. */
  readonly input = new Subject<Uint8Array>();

  /** Makes the call that `opening`, a Request or a ConnectMux, shows. */
  constructor(connection: Connection, opening: Frame, options: { typed: boolean; consumer?: Consumer | undefined }) {
    const { op, payload, deadlineMs, handler } = opening;
    this.kind = op === Op.Request ? 'unary' : 'duplex';
    this.payload = payload;
    const timeout = deadlineMs === (this.kind === 'unary' ? defaultTimeout : 0) ? undefined : deadlineMs + fraction;
    const base = { id: handler, name: `recorded ${handler}`, ...subrouteOf(opening) };
    const callOptions = timeout === undefined ? {} : { timeout };
    if (this.kind === 'unary' && options.typed) {
      const route = unary({ ...base, request: type<unknown>(), response: type<unknown>() });
      this.#take(connection.request(route, msgpack().decode(payload), callOptions));
      return;
    }
    if (this.kind === 'unary') {
      const route = unary({ ...base, request: raw, response: raw });
      this.#take(connection.request(route, payload, callOptions));
      return;
    }
    const { in: inCapacity, out: outCapacity } = capacities[handler]!;
    const shape = { ...base, request: raw, output: raw, outCapacity };
    const items: Observable<Uint8Array> =
      inCapacity === 0
        ? connection.stream(duplex(shape), payload, callOptions)
        : connection.exchange(duplex({ ...shape, input: raw, inCapacity }), payload, this.input, callOptions);
    this.#take(options.consumer?.(items) ?? items);
  }

  #take(items: Observable<unknown>): void {
    items.subscribe({
      // A view into the message: it outlives it here.
      next: (item) => this.got.push(item instanceof Uint8Array ? item.slice() : item),
      error: (error: unknown) => {
        this.error = error;
        this.ended = true;
      },
      complete: () => {
        this.ended = true;
      },
    });
  }
}

/** What a call saw, in the words of an `outcome`: `err` is the text of a remote error, and the code of another one. */
export function outcomeOf(call: RecordedCall): object {
  const failure = call.error === undefined ? {} : failureOf(call.error);
  if (call.kind === 'duplex') {
    return { got: call.got.map((item) => new TextDecoder().decode(item as Uint8Array)), ...failure };
  }
  if (call.error !== undefined) return failure;
  const [result] = call.got;
  return { result: result instanceof Uint8Array ? hexOf(result) : result };
}

function failureOf(error: unknown): object {
  if (error instanceof RemoteError) return { err: error.message, remote: true };
  return { err: error instanceof GridError ? error.code : String(error), remote: false };
}

function subrouteOf({ handler, subroute }: Frame): { subroute?: string } {
  if (subroute === undefined) return {};
  const id = hexOf(subroute);
  const text = subroutes.find((candidate) => subrouteId(handler, candidate) === id);
  if (text === undefined) throw new Error(`No known subroute of handler ${handler} has the id ${id}.`);
  return { subroute: text };
}

/** As the wire protocol, section 2.3, says, and not as lib does. */
function subrouteId(handler: number, subroute: string): string {
  const id = createHash('sha256').update(subroute).digest();
  id[0] = handler;
  id[1] = 0;
  return id.toString('hex');
}
