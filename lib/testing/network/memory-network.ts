import { Observable } from 'rxjs';
import type { Dial, Socket } from '../../transport/socket.js';
import type { Runtime } from '../../runtime.js';
import { Cable } from './cable.js';
import type { FaultTarget } from './fault-target.js';
import type { LineOptions } from './lane.js';
import { MessageFaults, type MessageFault } from './message-fault.js';
import { SeededRandom } from '../seeded-random.js';
import type { WireWatcher } from '../frames/wire-watcher.js';

/** Options of a {@link MemoryNetwork}. */
export interface MemoryNetworkOptions extends LineOptions {
  readonly runtime: Runtime;
  /** Of jitter. Default 1. */
  readonly seed?: number;
  /** Entries of the log of each cable that are kept; 0 for none. Default 10 000. */
  readonly history?: number;
  /** The line between two hosts, where it differs. Names are short ones: `a` for `http://a`. */
  readonly line?: (from: string, to: string) => LineOptions | undefined;
}

interface Listener {
  readonly path: string;
  accept(socket: Socket): void;
}

const defaultHistory = 10_000;

/** Hosts that dial each other in memory, with a {@link Cable} between each two of them. */
export class MemoryNetwork implements FaultTarget {
  readonly #options: MemoryNetworkOptions;
  readonly #random: SeededRandom;
  readonly #faults = new MessageFaults();
  readonly #listeners = new Map<string, Listener[]>();
  readonly #cables = new Map<string, Cable>();
  readonly #watchers = new Set<WireWatcher>();
  readonly #refusing = new Map<string, number>();
  readonly #isolated = new Set<{ readonly host: string; readonly healings: (() => void)[] }>();

  /** @internal Made by its cluster. */
  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1).fork('network');
  }

  get cables(): readonly Cable[] {
    return [...this.#cables.values()];
  }

  interfere(fault: MessageFault): () => void {
    return this.#faults.add(fault);
  }

  /** @internal Notifies `watcher` of what happens on every cable, also on those that are added later. */
  watch(watcher: WireWatcher): void {
    this.#watchers.add(watcher);
  }

  /** The cable between two hosts, by their short names; it is laid when first asked for. */
  cable(left: string, right: string): Cable {
    const ends: [string, string] = left < right ? [left, right] : [right, left];
    const key = ends.join(' ⇄ ');
    let cable = this.#cables.get(key);
    if (cable === undefined) {
      const { runtime, history = defaultHistory } = this.#options;
      // Each cable has randomness of its own: what one carries does not change the jitter of another one.
      const random = this.#random.fork(key);
      const line = this.#lineOf(...ends);
      cable = new Cable({ ends, runtime, random, line, history, faults: this.#faults, watchers: this.#watchers });
      this.#cables.set(key, cable);
      for (const { host, healings } of this.#isolated) if (ends.includes(host)) healings.push(cable.partition());
    }
    return cable;
  }

  /**
   * Separates a host, by its short name, from all others: nothing moves on its cables, also on those that are added
   * later, and dials are not answered. The result heals it; what waited then arrives, as in TCP.
   */
  isolate(host: string): () => void {
    const healings = this.cables.filter(({ ends }) => ends.includes(host)).map((cable) => cable.partition());
    const isolation = { host, healings };
    this.#isolated.add(isolation);
    return () => {
      if (this.#isolated.delete(isolation)) for (const heal of healings) heal();
    };
  }

  /** Dials to a host, by its short name, fail at once, as those to a port without a listener. The result ends that. */
  refuse(host: string): () => void {
    const change = (difference: number): void => {
      this.#refusing.set(host, (this.#refusing.get(host) ?? 0) + difference);
    };
    change(1);
    let over = false;
    return () => {
      if (!over) change(-1);
      over = true;
    };
  }

  /** Takes dials to `host` (such as `http://a`) on `path`. The result stops that; what is open stays open. */
  listen(host: string, path: string, accept: (socket: Socket) => void): () => void {
    const listener: Listener = { path, accept };
    const listeners = this.#listeners.get(host) ?? [];
    listeners.push(listener);
    this.#listeners.set(host, listeners);
    return () => {
      listeners.splice(listeners.indexOf(listener), 1);
    };
  }

  /** What `from` (a short name) dials with. It takes a round trip until the socket is there. */
  dialer(from: string): Dial {
    return (url) => new Observable((subscriber) => this.#dial(from, url, subscriber));
  }

  #dial(
    from: string,
    url: string,
    subscriber: { next(socket: Socket): void; error(error: Error): void; complete(): void },
  ): () => void {
    const { runtime } = this.#options;
    // Not the URL class: it would drop a port that is the default, and names are compared byte for byte.
    const [, secure, host, path] = /^ws(s?):\/\/([^/?#]+)([^?#]*)/.exec(url)!;
    const target = `http${secure!}://${host!}`;
    const cable = this.cable(from, shortName(target));
    for (const watcher of this.#watchers) watcher.dialed?.(from, shortName(target));
    const { latency = 1 } = this.#lineOf(...cable.ends);
    const after = (task: () => void): (() => void) => runtime.schedule(task, latency);
    let cancel = after(() => {
      // There is no answer across a partition: the dialer gives up by its own clock.
      if (!cable.reachable) return;
      const refuses = (this.#refusing.get(shortName(target)) ?? 0) > 0;
      const listener = refuses ? undefined : this.#listeners.get(target)?.find((each) => each.path === path);
      if (listener === undefined) {
        cancel = after(() => {
          subscriber.error(new Error(`Dialing ${url} failed: nobody listens there.`));
        });
        return;
      }
      const [near, far] = cable.connect(from);
      let handedOver = false;
      const cancelOpen = after(() => {
        handedOver = true;
        subscriber.next(near);
        subscriber.complete();
      });
      cancel = () => {
        if (handedOver) return;
        cancelOpen();
        near.outbound.error(new Error('The dialer gave up.'));
      };
      listener.accept(far);
    });
    return () => {
      cancel();
    };
  }

  #lineOf(from: string, to: string): LineOptions {
    const { line, latency, jitter, bandwidth } = this.#options;
    const shared: LineOptions = {
      ...(latency === undefined ? {} : { latency }),
      ...(jitter === undefined ? {} : { jitter }),
      ...(bandwidth === undefined ? {} : { bandwidth }),
    };
    return { ...shared, ...line?.(from, to) };
  }
}

/** `a` for `http://a:9000`: how logs, marbles and faults name a host. */
export function shortName(host: string): string {
  return host.replace(/^\w+:\/\//, '');
}
