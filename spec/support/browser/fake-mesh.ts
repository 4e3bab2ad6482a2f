import { concat, interval, map, merge, NEVER, of, startWith, Subject, type Observable } from 'rxjs';
import { relayRoutes } from '../../../lib/contract/relay-routes.js';
import type { RelayedCall } from '../../../lib/contract/relayed-route.js';
import { msgpack } from '../../../lib/codec/msgpack-codec.js';
import { PermissionDeniedError } from '../../../lib/contract/define-error.js';
import { LogHistogram } from '../../../lib/metrics/log-histogram.js';
import { monitorRoutes } from '../../../lib/monitor/index.js';
import type { GridEvent } from '../../../lib/observe.js';
import type { Manager } from '../../../lib/node/server/manager.js';

/** A host that does not exist. */
export interface FakeHost {
  readonly name: string;
  /** Why nobody is connected with it, and for how long, in ms; undefined: it is up. */
  down?: { readonly since: number; readonly code: string; readonly message: string } | undefined;
  readonly startedAt: number;
}

/** What a mesh of fake hosts tells. */
export interface FakeMeshOptions {
  readonly hosts: number;
  /** Names of routes; each host serves all of them. */
  readonly routes?: readonly string[];
  /** Name of a host, by its index. The first one is that of the manager. */
  readonly nameOf?: (index: number) => string;
  /** False: the other hosts may not be asked through the first one. */
  readonly relay?: boolean;
  /** Events in a batch of 256, each 256 / rate seconds; undefined: none come. */
  readonly eventsPerSecond?: number;
  /** Events that the first host has kept. */
  readonly kept?: readonly object[];
  /** The fields of a route's description beside its name. */
  readonly describe?: (name: string) => object;
  /** Fields that the hosts do not tell, by what they are of: those of an older version. */
  readonly without?: Readonly<Record<string, readonly string[]>>;
}

const defaultRoutes = ['get', 'put', 'stat', 'list', 'search', 'watch'];
const codec = msgpack();

/**
 * Answers the monitor of a manager, and of many hosts behind it, with figures that are made up and go on: what a page
 * costs with 60 hosts can be measured without 60 hosts.
 */
export class FakeMesh {
  readonly hosts: FakeHost[];
  /** Calls that were answered, by what was asked. */
  readonly asked = new Map<string, number>();
  readonly #options: FakeMeshOptions;
  readonly #manager: Manager;
  readonly #changes = new Subject<void>();
  readonly #histograms = new Map<string, LogHistogram>();

  constructor(manager: Manager, options: FakeMeshOptions) {
    this.#manager = manager;
    this.#options = options;
    const nameOf =
      options.nameOf ??
      ((index: number) => (index === 0 ? manager.local : `http://10.0.${index >> 4}.${(index % 16) + 10}:9000`));
    this.hosts = Array.from({ length: options.hosts }, (_, index) => ({
      name: index === 0 ? manager.local : nameOf(index),
      startedAt: Date.now() - 3_600_000 * (1 + (index % 7)),
    }));
    this.#serve();
  }

  /** A host is lost, since so many ms. */
  kill(index: number, since = 0, code = 'ECONNREFUSED', message = 'connect ECONNREFUSED 10.0.0.12:9000'): void {
    this.hosts[index]!.down = { since: Date.now() - since, code, message };
    this.#changes.next();
  }

  revive(index: number): void {
    this.hosts[index]!.down = undefined;
    this.#changes.next();
  }

  #serve(): void {
    const manager = this.#manager as unknown as {
      handle(route: unknown, handler: (...args: never[]) => unknown): void;
    };
    const local = this.hosts[0]!;
    for (const [what, route] of Object.entries(monitorRoutes)) {
      manager.handle(route, () => this.#answer(local, what));
    }
    const relay = (relayed: RelayedCall): Observable<Uint8Array> => {
      if (this.#options.relay === false) throw new PermissionDeniedError('The option relay does not allow it.');
      const host = this.hosts.find(({ name }) => name === relayed.host);
      if (host === undefined || host.down !== undefined) throw new Error(`${relayed.host} is not connected.`);
      return this.#answer(host, relayed.path ?? '').pipe(map((value) => codec.encode(value)));
    };
    manager.handle(relayRoutes.unary, relay);
    manager.handle(relayRoutes.duplex, relay);
  }

  #answer(host: FakeHost, what: string): Observable<unknown> {
    this.asked.set(what, (this.asked.get(what) ?? 0) + 1);
    const each = (make: () => unknown): Observable<unknown> => interval(1_000).pipe(startWith(0), map(make));
    switch (what) {
      case 'info':
        return of(this.#info(host));
      case 'snapshot':
        return of({
          info: this.#info(host),
          cluster: this.#cluster(host),
          routes: this.#routes(host),
          streams: this.#streams(host),
          transfers: this.#transfers(host),
        });
      case 'describe':
        return of(this.#description(host));
      case 'cluster':
        return merge(
          each(() => this.#cluster(host)),
          this.#changes.pipe(map(() => this.#cluster(host))),
        );
      case 'routes':
        return each(() => this.#routes(host));
      case 'streams':
        return each(() => this.#streams(host));
      case 'transfers':
        return each(() => this.#transfers(host));
      case 'leaves':
        return concat(of(this.#leaves(host)), NEVER);
      case 'health':
        return concat(
          of({ status: 'ready', hosts: this.hosts.length - 1, connected: this.hosts.length - 1, needed: 0 }),
          NEVER,
        );
      case 'events':
        return this.#events(host);
      default:
        throw new Error(`The fake mesh knows no ${what}.`);
    }
  }

  // What an older version does not tell.
  #without<T extends object>(what: string, value: T): object {
    const left = this.#options.without?.[what] ?? [];
    return Object.fromEntries(Object.entries(value).filter(([key]) => !left.includes(key)));
  }

  #info({ name, startedAt }: FakeHost): object {
    const time = Date.now();
    return this.#without('info', { host: name, version: '0.1.0', uptime: time - startedAt, time });
  }

  #cluster(by: FakeHost): unknown {
    const index = this.hosts.indexOf(by);
    return {
      local: by.name,
      hosts: this.hosts
        .filter((host) => host !== by)
        .map((host) => {
          const other = this.hosts.indexOf(host);
          const near = (index ^ other) & 3;
          const base = { host: host.name, connects: 1, dials: index < other ? 'local' : 'remote' };
          if (host.down !== undefined) {
            const { since, code, message } = host.down;
            return { ...base, status: 'back-off', since, error: { name: 'Error', code, message } };
          }
          return this.#without('cluster', {
            ...base,
            status: 'connected',
            since: Math.max(by.startedAt, host.startedAt),
            stats: {
              host: host.name,
              rtt: near === 0 ? 0.4 : near === 1 ? 2.5 : near === 2 ? 11 : 68,
              bytesIn: this.#grown(index + other, 40_000),
              bytesOut: this.#grown(index * 3 + other, 90_000),
            },
          });
        }),
    };
  }

  // A count that grows by about `perSecond`.
  #grown(seed: number, perSecond: number): number {
    const seconds = (Date.now() % 1e8) / 1_000;
    return Math.floor(perSecond * (0.4 + (seed % 7) / 6) * (seconds + 0.3 * Math.sin(seconds / 5 + seed)));
  }

  #routes(host: FakeHost): unknown {
    const index = this.hosts.indexOf(host);
    return (this.#options.routes ?? defaultRoutes).map((route, number) => {
      const kind = route === 'watch' || route === 'list' ? 'duplex' : 'unary';
      const key = `${index} ${route}`;
      const histogram = this.#histograms.get(key) ?? new LogHistogram();
      this.#histograms.set(key, histogram);
      for (let each = 0; each < 20; each++) {
        histogram.record((0.4 + ((number * 5 + index) % 9)) * (1 + ((each * 7) % 20 === 19 ? 6 : (each % 5) / 4)));
      }
      const calls = this.#grown(index + number, 12 * (number + 1));
      return this.#without('routes', {
        route,
        kind,
        side: 'handler',
        calls,
        inFlight: (index + number) % 4,
        cancelled: 0,
        errors: number === 1 && index % 9 === 2 ? { 'quota-exceeded': Math.floor(calls / 50) } : {},
        itemsOut: kind === 'duplex' ? calls * 10 : 0,
        itemsIn: 0,
        bytesOut: calls * 2_000,
        bytesIn: calls * 300,
        creditStalls: 0,
        creditStalledMs: 0,
        durations: histogram.durations,
        p50: 1,
        p95: 3,
        p99: 9,
      });
    });
  }

  #streams(host: FakeHost): unknown {
    const index = this.hosts.indexOf(host);
    const peer = this.hosts[(index + 1) % this.hosts.length]!.name;
    const counts = {
      itemsOut: this.#grown(index, 20),
      itemsIn: 0,
      bytesOut: this.#grown(index, 4_000),
      bytesIn: 0,
      creditStalls: 4,
      creditStalledMs: 900,
    };
    const stuck = index % 20 === 1;
    const age = Date.now() - host.startedAt;
    const streams = [
      {
        id: `1.${index}`,
        route: 'watch',
        side: 'handler',
        peer,
        age,
        ...counts,
        sending: { granted: 64, used: 3 + (index % 5) },
      },
      ...(stuck
        ? [
            {
              id: `2.${index}`,
              route: 'list',
              side: 'handler',
              peer: 'report-writer',
              age: 95_000,
              ...counts,
              stalledFor: 42_000 + (Date.now() % 60_000),
              sending: { granted: 16, used: 16 },
            },
          ]
        : []),
    ];
    return { open: streams.length, stalled: stuck ? 1 : 0, streams };
  }

  #transfers(host: FakeHost): unknown {
    const index = this.hosts.indexOf(host);
    if (index % 6 !== 1) return { open: 0, transfers: [] };
    const moved = (Date.now() / 10) % 90_000;
    const transfer = {
      id: 1,
      direction: 'send',
      path: `backup/volume-${index}.img`,
      route: 'get',
      peer: this.hosts[0]!.name,
      moved: moved * 1e4,
      total: 9e8,
      rate: 1e6 * (20 + index),
      mode: 'kernel',
      age: moved * 10,
    };
    return { open: 1, transfers: [transfer] };
  }

  #leaves(host: FakeHost): unknown {
    const leaves = [
      { identity: 'operator', since: Date.now() - 60_000, address: '127.0.0.1', origin: 'http://127.0.0.1' },
    ];
    return host === this.hosts[0]
      ? { connected: 1, leaves, arrived: [], left: [] }
      : { connected: 0, leaves: [], arrived: [], left: [] };
  }

  #events(host: FakeHost): Observable<unknown> {
    const at = (ago: number, event: GridEvent | object): object => ({ at: Date.now() - ago, event });
    const index = this.hosts.indexOf(host);
    const kept =
      index % 9 === 2
        ? [
            at(52_000, {
              type: 'handler-error',
              route: 'put',
              caller: 'operator',
              error: { name: 'Error', code: 'quota-exceeded', message: 'The bucket is full.' },
            }),
            at(9_000, {
              type: 'handler-error',
              route: 'put',
              caller: 'operator',
              error: { name: 'Error', code: 'quota-exceeded', message: 'The bucket is full.' },
            }),
          ]
        : [];
    const { eventsPerSecond: rate, kept: ofFirst = [] } = this.#options;
    const more = host === this.hosts[0] ? ofFirst.map((event) => at(1_000, event)) : [];
    const first = of({ events: [...kept, ...more], missed: 0 });
    if (rate === undefined || host !== this.hosts[0]) return concat(first, NEVER);
    const batches = interval(100).pipe(
      map((tick) => ({
        events: Array.from({ length: Math.min(256, rate / 10) }, (_, number) =>
          at(0, {
            type: 'handler-error',
            route: 'put',
            caller: `client ${number}`,
            error: { name: 'Error', message: `number ${tick}.${number}` },
          }),
        ),
        missed: Math.max(0, rate / 10 - 256),
      })),
    );
    return concat(first, batches);
  }

  #description(host: FakeHost): unknown {
    const { describe = () => ({}) } = this.#options;
    const routes = (this.#options.routes ?? defaultRoutes).map((name) => ({
      name,
      kind: name === 'watch' || name === 'list' ? 'duplex' : 'unary',
      idempotent: name !== 'put',
      request: { codec: 'msgpack' },
      ...(name === 'watch' || name === 'list' ? { output: { codec: 'msgpack' } } : { response: { codec: 'msgpack' } }),
      ...describe(name),
    }));
    return { host: host.name, paths: ['/'], version: '0.1.0', routes };
  }
}
