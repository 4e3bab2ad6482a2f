/**
 * Whether a host can be sent calls.
 *
 *     starting ──start() is done, and enough hosts are connected──▶ ready
 *        ▲                                                            │
 *        └───────────────── too few are connected ────────────────────┤
 *     draining ◀──────────────────────── drain ───────────────────────┤
 *     closed   ◀──────────────────────── close ───────────────────────┘     from any state
 */

import { BehaviorSubject, combineLatest, defer, distinctUntilChanged, map, of, type Observable } from 'rxjs';
import { either, oneOf, whole, type Rule } from '../check.js';

/** The condition of a host. */
export type HealthStatus = 'starting' | 'ready' | 'draining' | 'closed';

/** The health of a host, for probes and dashboards. */
export interface Health {
  readonly status: HealthStatus;
  /** Why it is not ready; absent while it is. */
  readonly reason?: string;
  /** Other hosts, those of them that are connected, and the connections that are needed to be ready. */
  readonly hosts: number;
  readonly connected: number;
  readonly needed: number;
}

/** How many connections to other hosts are needed to be ready: a number, or those that make a majority of all hosts. */
export type ReadyQuorum = number | 'majority';

/** What the option `readyQuorum` may be. */
export const quorumRule: Rule = either(whole(0, 0x7fff_ffff, 'connections'), oneOf('majority'));

/** The phase of a host's own life, independent of its connections. */
export type Phase = 'starting' | 'started' | 'draining' | 'closed';

/** The other hosts, as far as the health depends on them. */
interface Others {
  readonly hosts: readonly { readonly status: string }[];
}

/** Observes whether a host can be sent calls: it has started, enough hosts are connected, and it does not drain. */
export class HealthMonitor {
  /** The health, beginning with the present one. Completes when the host is closed. */
  readonly health$: Observable<Health>;
  readonly #phase = new BehaviorSubject<Phase>('starting');

  /**
   * `cluster$`: the other hosts; also after the close. `isListed`: whether the list of hosts is known. `cluster$` emits
   * when that changes.
   */
  constructor(local: string, quorum: ReadyQuorum, cluster$: Observable<Others>, isListed: () => boolean) {
    this.health$ = combineLatest([this.#phases$(), cluster$]).pipe(
      map(([phase, others]) => healthOf(local, phase, others, quorum, isListed())),
      distinctUntilChanged(isSame),
    );
  }

  /** The host goes on to another phase. It never goes back. */
  enter(phase: Phase): void {
    if (this.#phase.value !== 'closed') this.#phase.next(phase);
    if (phase === 'closed') this.#phase.complete();
  }

  // A BehaviorSubject that has completed does not emit its value to later subscribers.
  #phases$(): Observable<Phase> {
    return defer(() => (this.#phase.value === 'closed' ? of<Phase>('closed') : this.#phase));
  }
}

function healthOf(local: string, phase: Phase, others: Others, quorum: ReadyQuorum, listed: boolean): Health {
  const hosts = others.hosts.length;
  const connected = others.hosts.filter(({ status }) => status === 'connected').length;
  // With n others there are n + 1 hosts, and this one is connected with itself.
  const needed = quorum === 'majority' ? Math.floor((hosts + 1) / 2) : quorum;
  const figures = { hosts, connected, needed };
  switch (phase) {
    case 'starting':
      return { status: 'starting', reason: `${local} is not started yet.`, ...figures };
    case 'draining':
      return { status: 'draining', reason: `${local} finishes its calls and takes no new ones.`, ...figures };
    case 'closed':
      return { status: 'closed', reason: `${local} is closed.`, ...figures };
    default:
  }
  // Of an unknown list, nobody knows what the majority is: no other host is not a cluster of one.
  if (quorum === 'majority' && !listed) {
    const reason = `${local} waits for the first list of hosts, of which it needs a majority (readyQuorum).`;
    return { status: 'starting', reason, ...figures };
  }
  if (connected >= needed) return { status: 'ready', ...figures };
  const reason = `${local} is connected with ${connected} of the ${needed} hosts that it needs (readyQuorum).`;
  return { status: 'starting', reason, ...figures };
}

function isSame(left: Health, right: Health): boolean {
  return (
    left.status === right.status &&
    left.reason === right.reason &&
    left.hosts === right.hosts &&
    left.connected === right.connected &&
    left.needed === right.needed
  );
}
