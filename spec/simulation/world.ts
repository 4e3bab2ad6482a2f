import type { Observable } from 'rxjs';
import { GridError, type Connection, type GridEvent } from '../../lib/index.js';
import { shortName, type Simulation } from '../../lib/testing/index.js';
import { InputFailed } from './handlers.js';
import type { Probes } from './hostile/probe-routes.js';
import { hostilePrefix } from './hostile/raw-peer.js';
import { oddPrefix } from './acts/odd-routes.js';
import type { Ledger } from './ledger.js';
import type { WireModel } from './wire-model.js';

/** Who makes calls, and has handlers: a host across its restarts, or a leaf. */
export interface Party {
  /** Runs code of its process. */
  run(task: () => void): void;
  /** @throws ConfigurationError for a name that it does not know. */
  connection(to: string): Connection;
}

/** What the acts of one run share. */
export class World {
  readonly simulation: Simulation;
  readonly ledger: Ledger;
  readonly violate: (rule: string, text: string) => void;
  /** The hosts that are not in the list now; one of them may stand there twice. */
  readonly delisted: string[] = [];
  /** Of each host: what hostile peers did there. */
  readonly probes = new Map<string, Probes>();
  /** How often the handlers of {@link counted} ran, by their requests, at all hosts. */
  readonly runs = new Map<number, number>();
  /** The leaves that are there, by their names. */
  readonly leaves = new Map<string, Party>();

  readonly #model: WireModel;

  constructor(simulation: Simulation, ledger: Ledger, model: WireModel) {
    this.simulation = simulation;
    this.ledger = ledger;
    this.#model = model;
    this.violate = (rule, text) => {
      simulation.violate(rule, text);
    };
  }

  /** A host or a leaf. */
  party(name: string): Party {
    return this.leaves.get(name) ?? this.simulation.cluster.host(name);
  }

  /** Looks at what a party reports: nothing but what the plan throws, and no protocol that was broken. */
  watch(events$: Observable<GridEvent>, name: string): void {
    const { ledger } = this;
    events$.subscribe((event) => {
      // What the handlers of unusual calls do is no fault, and their callers look at it.
      if (event.type === 'handler-error' && !event.route.startsWith(oddPrefix)) {
        const { cause } = event.error;
        // What came of the failure of a call that the handler made, or of its input.
        if (!(cause instanceof GridError) && !(cause instanceof InputFailed)) ledger.throws.report(cause, 'events$');
      }
      if (event.type !== 'protocol-fault' || event.host.startsWith(hostilePrefix)) return;
      // In a storm more calls are cancelled than the small limit allows.
      const ofCancels = event.message.includes('maxCancelsPerSecond');
      // So does a host that floods its own connection to itself.
      if (ofCancels && (ledger.line.storm || shortName(event.host) === name)) return;
      // What was corrupted is found. Nothing else may break the protocol.
      if (this.#model.wasTampered(name, shortName(event.host))) return;
      this.violate('no host sees the protocol broken', `${name} and ${event.host}: ${event.message}`);
    });
  }
}
