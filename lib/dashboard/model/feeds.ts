import { catchError, EMPTY, map, merge, tap, timeout, Subscription, type Observable } from 'rxjs';
import type { Connection } from '../../contract/connection.js';
import type { LeafConnection } from '../../endpoint/leaves/leaf.js';
import type { Health } from '../../endpoint/health.js';
import { errorText } from '../../errors.js';
import { monitor, type Monitor } from '../../monitor/client.js';
import type { MonitoredCluster } from '../../monitor/index.js';
import { retryOnDisconnect } from '../../operators/retry-on-disconnect.js';
import type { Runtime } from '../../runtime.js';
import { EventLog } from './event-log.js';
import { HostFeed } from './host-feed.js';

/** Interval at which hosts that are due are polled, in ms. */
const tick = 250;
/** Hosts that are polled in one second, at most: the cost of the page does not grow with the cluster. */
const asksPerSecond = 12;
/** Shortest interval at which one host is polled, in ms. */
const leastInterval = 1_000;
/** In a page that nobody sees, hosts are polled so many times less often. */
const hiddenFactor = 5;
/** Time that a host has to answer, in ms. */
const answerTimeout = 5_000;
/** Pause after a refusal, in ms. */
const refusedInterval = 30_000;

interface Asked {
  nextAt: number;
  asking: boolean;
  watched: Subscription | undefined;
}

/**
 * Gathers the reports of the hosts: the host at the other end of the leaf by subscriptions, and the others by polling
 * one after the other through it, where it relays calls.
 */
export class Feeds {
  /** The name of the host that the leaf is connected to. */
  local: string | undefined = undefined;
  readonly hosts = new Map<string, HostFeed>();
  readonly events = new EventLog();
  /** Why the host at the other end reports nothing. */
  refused: string | undefined = undefined;
  /** Why other hosts cannot be polled through it. */
  notRelayed: string | undefined = undefined;

  readonly #leaf: LeafConnection;
  readonly #runtime: Runtime;
  readonly #urgent: () => void;
  readonly #asked = new Map<string, Asked>();
  #watched = new Subscription();
  #hidden = false;
  #cancel = (): void => undefined;

  /**
   * `urgent` is called for what should be drawn sooner than figures: a host is lost or back, or reports for the first
   * time.
   */
  constructor(leaf: LeafConnection, runtime: Runtime, urgent: () => void) {
    this.#leaf = leaf;
    this.#runtime = runtime;
    this.#urgent = urgent;
  }

  /** Begins to gather. */
  start(): void {
    this.refused = undefined;
    this.#watched.unsubscribe();
    const watched = (this.#watched = new Subscription());
    const info = monitor(this.#leaf)
      .info$.pipe(retryOnDisconnect())
      .subscribe({
        next: (info) => {
          this.local = info.host;
          const feed = this.#feedOf(info.host);
          feed.setInfo(info, this.#runtime.now());
          watched.add(this.#watch(feed, monitor(this.#leaf)));
          this.#urgent();
        },
        error: (error: unknown) => {
          this.refused = errorText(error);
          this.#urgent();
        },
      });
    watched.add(info);
    this.#cancel();
    this.#ask();
  }

  /** Whether nobody sees the page. Once it is seen again, all hosts are due. */
  set hidden(hidden: boolean) {
    this.#hidden = hidden;
    if (!hidden) for (const asked of this.#asked.values()) asked.nextAt = Math.min(asked.nextAt, this.#runtime.now());
  }

  /** Ends all calls. */
  stop(): void {
    this.#cancel();
    this.#watched.unsubscribe();
    for (const { watched } of this.#asked.values()) watched?.unsubscribe();
  }

  /** The monitor of a host, through the one that the leaf is connected to. */
  monitorOf(host: string): Monitor {
    return monitor(this.connectionTo(host));
  }

  /** A connection whose calls reach a host: directly, or through the one that the leaf is connected to. */
  connectionTo(host: string): Connection {
    return host === this.local ? this.#leaf : this.#leaf.via(host);
  }

  #feedOf(host: string): HostFeed {
    let feed = this.hosts.get(host);
    if (feed === undefined) {
      feed = new HostFeed(host);
      this.hosts.set(host, feed);
    }
    return feed;
  }

  #watch(feed: HostFeed, host: Monitor): Subscription {
    const now = (): number => this.#runtime.now();
    let first = true;
    const follow = <T>(source: Observable<T>, take: (value: T) => void): Observable<never> =>
      source.pipe(
        retryOnDisconnect(),
        tap(take),
        map((): never => undefined as never),
        catchError((error: unknown) => {
          feed.problem = errorText(error);
          this.#urgent();
          return EMPTY;
        }),
      );
    const all$ = merge(
      follow(host.info$, (info) => {
        feed.setInfo(info, now());
      }),
      follow(host.cluster$, (cluster) => {
        if (statusesOf(cluster) !== statusesOf(feed.cluster)) this.#urgent();
        feed.setCluster(cluster, now());
        for (const { host: name } of cluster.hosts) this.#feedOf(name);
        this.#forget(new Set([cluster.local, ...cluster.hosts.map(({ host: name }) => name)]));
      }),
      follow(host.routes$, (routes) => {
        feed.setRoutes(routes, now());
      }),
      follow(host.streams$, (streams) => {
        feed.setStreams(streams, now());
      }),
      follow(host.transfers$, (transfers) => {
        feed.setTransfers(transfers, now());
      }),
      follow(host.leaves$, (leaves) => {
        feed.setLeaves(leaves);
      }),
      follow(host.health$, (health) => {
        this.#setHealth(feed, health);
      }),
      follow(host.events$, (batch) => {
        this.events.add(feed.name, batch, first);
        first = false;
      }),
    );
    // After a loss the events begin anew.
    const lost = this.#leaf.state$.subscribe(({ status }) => {
      if (status !== 'connected') first = true;
    });
    const subscription = all$.subscribe();
    subscription.add(lost);
    return subscription;
  }

  #setHealth(feed: HostFeed, health: Health): void {
    feed.health = health;
    this.#urgent();
  }

  // Removes hosts that have left the cluster.
  #forget(present: ReadonlySet<string>): void {
    for (const name of this.hosts.keys()) {
      if (present.has(name)) continue;
      this.hosts.delete(name);
      this.#asked.get(name)?.watched?.unsubscribe();
      this.#asked.delete(name);
    }
  }

  readonly #ask = (): void => {
    this.#cancel = this.#runtime.schedule(this.#ask, tick);
    const { local } = this;
    if (local === undefined) return;
    const now = this.#runtime.now();
    const others = [...this.hosts.values()].filter(({ name }) => name !== local);
    const factor = this.#hidden ? hiddenFactor : 1;
    const interval = factor * Math.max(leastInterval, (others.length * 1_000) / asksPerSecond);
    const due = others
      .map((feed) => ({ feed, asked: this.#askedOf(feed.name) }))
      .filter(({ asked }) => !asked.asking && asked.nextAt <= now)
      .sort((left, right) => left.asked.nextAt - right.asked.nextAt)
      .slice(0, Math.ceil((asksPerSecond * tick) / 1_000));
    for (const { feed, asked } of due) {
      asked.nextAt = now + interval;
      if (this.#isConnected(feed.name)) this.#askOne(feed, asked);
    }
  };

  #askedOf(host: string): Asked {
    let asked = this.#asked.get(host);
    if (asked === undefined) {
      asked = { nextAt: 0, asking: false, watched: undefined };
      this.#asked.set(host, asked);
    }
    return asked;
  }

  #isConnected(name: string): boolean {
    const { cluster } = this.hosts.get(this.local ?? '') ?? {};
    return cluster?.hosts.some(({ host, status }) => host === name && status === 'connected') === true;
  }

  #askOne(feed: HostFeed, asked: Asked): void {
    asked.asking = true;
    const host = this.monitorOf(feed.name);
    host.snapshot$.pipe(timeout(answerTimeout)).subscribe({
      next: ({ info, cluster, routes, streams, transfers }) => {
        const now = this.#runtime.now();
        if (feed.updatedAt === undefined || feed.problem !== undefined) this.#urgent();
        feed.setInfo(info, now);
        feed.setCluster(cluster, now);
        feed.setRoutes(routes, now);
        feed.setStreams(streams, now);
        feed.setTransfers(transfers, now);
        this.notRelayed = undefined;
        asked.watched ??= this.#watchOther(feed, host, asked);
      },
      error: (error: unknown) => {
        if (feed.problem === undefined) this.#urgent();
        feed.problem = errorText(error);
        const { code } = error as { readonly code?: unknown };
        if (code === 'permission-denied' || code === 'unimplemented') {
          asked.nextAt = this.#runtime.now() + refusedInterval;
          this.notRelayed = feed.problem;
        }
        asked.asking = false;
      },
      complete: () => (asked.asking = false),
    });
  }

  // What changes rarely is subscribed to: a subscription without changes costs nothing.
  #watchOther(feed: HostFeed, host: Monitor, asked: Asked): Subscription {
    let first = true;
    const events$ = host.events$.pipe(
      tap((batch) => {
        this.events.add(feed.name, batch, first);
        first = false;
      }),
    );
    const leaves$ = host.leaves$.pipe(
      tap((leaves) => {
        feed.setLeaves(leaves);
      }),
    );
    const health$ = host.health$.pipe(
      tap((health) => {
        this.#setHealth(feed, health);
      }),
    );
    return merge(events$, leaves$, health$).subscribe({
      // The host is lost; when it answers again, this begins again.
      error: () => (asked.watched = undefined),
      complete: () => (asked.watched = undefined),
    });
  }
}

function statusesOf(cluster: MonitoredCluster | undefined): string | undefined {
  return cluster?.hosts.map(({ host, status }) => `${host} ${status}`).join('\n');
}
