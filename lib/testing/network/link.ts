/**
 * Two ends that are linked in memory without a handshake, for tests of calls. For dialing, tokens and reconnects use a
 * {@link Cluster}.
 */

import type { Observable } from 'rxjs';
import { anything, checkOptions, oneOf, whole, type Rule } from '../../check.js';
import { agree, announcedExtensions, type Agreement } from '../../connection/handshake.js';
import { Endpoint, endpointRules, type EndpointOptions } from '../../endpoint/endpoint.js';
import type { GridEvent } from '../../observe.js';
import type { Connection } from '../../contract/connection.js';
import { Registry } from '../../handlers/registry.js';
import type { Handles } from '../../contract/handler.js';
import type { RouteConnection } from '../../calls/route-connection.js';
import type { Runtime } from '../../runtime.js';
import { Cable } from './cable.js';
import type { FaultTarget } from './fault-target.js';
import { lineOptionRules, type LineOptions } from './lane.js';
import type { MessageFault } from './message-fault.js';
import { RouteBook } from '../frames/route-book.js';
import { taughtHandles } from '../frames/taught-routes.js';
import { SeededRandom } from '../seeded-random.js';

/** Options of a {@link GridLink}. */
export interface LinkOptions extends LineOptions, Omit<EndpointOptions, 'runtime'> {
  readonly runtime: Runtime;
  /** Names of the two ends. Default `a` and `b`. */
  readonly names?: readonly [string, string];
  /** False: as towards a reference peer, without extensions. Default true. */
  readonly extensions?: boolean;
  /** Of jitter. Default 1. */
  readonly seed?: number;
  /** Entries of the log that are kept. Default 10 000. */
  readonly history?: number;
}

/** One end of a link: its handlers, and the connection to the other end. */
export interface LinkEnd extends Connection, Handles {
  readonly name: string;
  /** Events that belong to no call: handler errors, lost backpressure, protocol faults. */
  readonly events$: Observable<GridEvent>;
}

const linkRules: Readonly<Record<keyof LinkOptions, Rule>> = {
  ...endpointRules,
  ...lineOptionRules,
  names: {
    expected: 'two names that differ',
    accepts: (value) => Array.isArray(value) && value.length === 2 && new Set(value).size === 2,
  },
  extensions: oneOf(true, false),
  seed: anything,
  history: whole(0),
};

const defaultHistory = 10_000;

/** Two ends that are linked in memory without a handshake, for tests of calls. */
export class GridLink implements FaultTarget {
  readonly a: LinkEnd;
  readonly b: LinkEnd;
  readonly cable: Cable;
  readonly cables: readonly Cable[];
  /** Names of the two ends. */
  readonly ends: readonly [string, string];
  /** Names of the routes that have handlers here, for transcripts. */
  readonly book: RouteBook;
  /** Resolves when the ends are linked. Calls that are made before wait for it, in no virtual time. */
  readonly opened: Promise<void>;

  readonly #sides: readonly [OpenSide, OpenSide];
  readonly #agreement: Agreement;
  #closed = false;

  /** @throws ConfigurationError for an option that is unknown or out of its range. */
  constructor(options: LinkOptions) {
    checkOptions(options, linkRules, { of: 'link', required: ['runtime'] });
    const { runtime, names = ['a', 'b'], extensions = true, seed = 1, history = defaultHistory, checksum } = options;
    const [left, right] = names;
    this.cable = new Cable({
      ends: [left, right],
      runtime,
      random: new SeededRandom(seed).fork('network'),
      line: options,
      history,
    });
    this.cables = this.cable.cables;
    this.ends = [left, right];
    this.book = new RouteBook(options.codec);
    const announced = announcedExtensions(checksum ?? 'auto');
    this.#agreement = agree(announced, extensions ? announced : undefined, false);
    const leftSide = openSide(options, left, right, this.book);
    const rightSide = openSide(options, right, left, this.book);
    this.#sides = [leftSide, rightSide];
    this.a = leftSide.end;
    this.b = rightSide.end;
    this.opened = this.#open();
  }

  /** Links the ends again, after the line was lost; a link that is still there is replaced. */
  reconnect(): void {
    if (this.#closed) return;
    const sockets = this.cable.connect();
    this.#sides.forEach(({ side, connection, name }, index) => {
      const socket = sockets[index]!;
      connection.open(
        side.link(connection, {
          socket,
          agreement: this.#agreement,
          remoteId: side.id,
          caller: { name: `http://${name}`, kind: 'host' },
        }),
      );
    });
  }

  interfere(fault: MessageFault): () => void {
    return this.cable.interfere(fault);
  }

  /** Closes both ends; calls in flight fail. */
  close(): void {
    this.#closed = true;
    for (const { connection, side } of this.#sides) {
      connection.close();
      side.close();
    }
  }

  async #open(): Promise<void> {
    await Promise.all(this.#sides.map(({ side }) => side.prepare()));
    this.reconnect();
  }
}

interface OpenSide extends ReturnType<Endpoint['connect']> {
  readonly side: Endpoint;
  readonly end: LinkEnd;
  /** Of the other end. */
  readonly name: string;
}

function openSide(options: LinkOptions, name: string, other: string, book: RouteBook): OpenSide {
  const side: Endpoint = new Endpoint(options, (_, parent): RouteConnection => routes.onBehalfOf(parent));
  const { connection, routes } = side.connect(`http://${other}`);
  const registry = new Registry(side.serving);
  const end = Object.assign(routes, {
    name,
    events$: side.events$,
    ...taughtHandles(registry, book),
  }) as LinkEnd;
  return { side, connection, routes, end, name: other };
}
