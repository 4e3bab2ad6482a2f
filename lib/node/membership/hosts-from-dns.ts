import { Resolver } from 'node:dns/promises';
import type { Observable } from 'rxjs';
import { oneOf, someText, whole, wholeMs, type Rule } from '../../check.js';
import { toError } from '../../errors.js';
import { dnsTimeout, firstLookupRetry } from '../../bounds.js';
import { systemRuntime } from '../../runtime.js';
import { checkSourceOptions, hostSource, type HostSink, type HostSourceOptions } from './host-source.js';

/** Options of {@link hostsFromDns}. */
export interface DnsHostsOptions extends HostSourceOptions {
  /** Kind of record. SRV records have a name and a port each; the other two have addresses. Default 'A'. */
  readonly type?: 'A' | 'AAAA' | 'SRV';
  /** Port on which each host listens. Default: that of the scheme. SRV records bring their own. */
  readonly port?: number;
  /** Default 'http'. */
  readonly scheme?: 'http' | 'https';
  /**
   * Longest time between two look-ups, in ms. Where the TTL of the answer is known (A and AAAA) and shorter, the next
   * one comes when it has passed, after a second at the earliest. Default 30 000.
   */
  readonly interval?: number;
  /** Addresses of name servers, such as '10.0.0.10' or '10.0.0.10:5353'. Default: those of the system. */
  readonly servers?: readonly string[];
}

const rules: Readonly<Record<Exclude<keyof DnsHostsOptions, keyof HostSourceOptions>, Rule>> = {
  type: oneOf('A', 'AAAA', 'SRV'),
  port: whole(1, 0xffff),
  scheme: oneOf('http', 'https'),
  interval: wholeMs(1),
  servers: {
    expected: 'a list of addresses of name servers',
    accepts: (value) => Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string'),
  },
};

const defaultInterval = 30_000;
const defaultRemoveAfter = 10_000;
/** An answer is not asked for again sooner, whatever its TTL; in ms. */
const shortestTtl = 1_000;

/** What one look-up found. */
interface Answer {
  readonly names: readonly string[];
  /** In ms; Infinity where it is not known. */
  readonly ttl: number;
}

/**
 * The hosts behind a DNS name, such as a headless service of Kubernetes: looked up again and again, at the DNS servers
 * of the machine. Names of `/etc/hosts`, such as `localhost`, are not found.
 *
 * It never errors and never completes. When a look-up fails, or finds nothing, the last list stays: a resolver that is
 * down must not take a cluster apart. A host is removed when it has been missing for `removeAfter` (10 s).
 *
 * The name of this host (`local`) must be spelt as the records give it, for instance `http://10.1.2.3:9000`.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 *
 * @example
 * const hosts = hostsFromDns('store.default.svc.cluster.local', { port: 9000 });
 * new Manager({ local: `http://${process.env.POD_IP}:9000`, hosts, auth });
 */
export function hostsFromDns(name: string, options: DnsHostsOptions = {}): Observable<readonly string[]> {
  checkSourceOptions({ ...options, name }, { ...rules, name: someText }, 'hostsFromDns', ['name']);
  const servers = options.servers === undefined ? undefined : [...options.servers];
  // Refuses an address that is none, now and not in each subscription.
  if (servers !== undefined) new Resolver().setServers(servers);
  return hostSource(`The DNS name ${name}`, options, defaultRemoveAfter, (sink) => {
    const lookups = new Lookups(name, options, servers, sink);
    lookups.next();
    return () => {
      lookups.stop();
    };
  });
}

/** Looks a name up, for ever. */
class Lookups {
  readonly #name: string;
  readonly #options: DnsHostsOptions;
  readonly #sink: HostSink;
  readonly #resolver = new Resolver({ timeout: dnsTimeout, tries: 2 });
  readonly #interval: number;
  #failures = 0;
  #cancelTimer: (() => void) | undefined = undefined;
  #stopped = false;

  constructor(name: string, options: DnsHostsOptions, servers: readonly string[] | undefined, sink: HostSink) {
    this.#name = name;
    this.#options = options;
    this.#sink = sink;
    this.#interval = options.interval ?? defaultInterval;
    if (servers !== undefined) this.#resolver.setServers(servers);
  }

  next(): void {
    this.#lookUp().then(
      (wait) => {
        if (this.#stopped) return;
        this.#cancelTimer = systemRuntime.schedule(() => {
          this.next();
        }, spread(wait));
      },
      () => undefined,
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#resolver.cancel();
  }

  // Resolves with the time until the next look-up.
  async #lookUp(): Promise<number> {
    try {
      const { names, ttl } = await this.#resolve();
      if (names.length === 0) throw new Error('the answer is empty');
      this.#failures = 0;
      if (!this.#stopped) this.#sink.found(names);
      return Math.min(this.#interval, Math.max(shortestTtl, ttl));
    } catch (error) {
      if (!this.#stopped) this.#sink.failed(toError(error));
      return Math.min(this.#interval, firstLookupRetry * 2 ** Math.min(this.#failures++, 16));
    }
  }

  async #resolve(): Promise<Answer> {
    const { type = 'A', port, scheme = 'http' } = this.#options;
    if (type === 'SRV') {
      const records = await this.#resolver.resolveSrv(this.#name);
      const names = records.map((record) => `${scheme}://${record.name}:${String(record.port)}`);
      return { names, ttl: Infinity };
    }
    const records = await (type === 'A'
      ? this.#resolver.resolve4(this.#name, { ttl: true })
      : this.#resolver.resolve6(this.#name, { ttl: true }));
    const suffix = port === undefined ? '' : `:${String(port)}`;
    const names = records.map(({ address }) => `${scheme}://${type === 'A' ? address : `[${address}]`}${suffix}`);
    return { names, ttl: Math.min(...records.map(({ ttl }) => ttl * 1_000)) };
  }
}

// Hosts that start together must not ask together for ever.
function spread(ms: number): number {
  return ms * (0.9 + 0.2 * systemRuntime.random());
}
