import type { Etcd3, IOptions } from 'etcd3';
import type { Observable } from 'rxjs';
import { someText, whole, wholeMs, type Rule } from '../../check.js';
import { parseHost } from '../../endpoint/host-name.js';
import { ConfigurationError, errorText } from '../../errors.js';
import { etcdRequestTimeout } from '../../bounds.js';
import { maxSourceHosts } from '../../limits.js';
import { EtcdListing } from './etcd-listing.js';
import { EtcdRegistration } from './etcd-registration.js';
import { checkSourceOptions, hostSource, type HostSink, type HostSourceOptions } from './host-source.js';
import { loadEtcd, type MakeEtcdClient } from './load-etcd.js';

/** Options of {@link hostsFromEtcd}. */
export interface EtcdHostsOptions extends HostSourceOptions {
  /** Addresses of the members of etcd, such as `http://10.0.0.5:2379`; all http, or all https. */
  readonly endpoints: string | readonly string[];
  /** Where the hosts are registered: each is a key under it. A slash at the end is added where there is none. */
  readonly prefix: string;
  /** Name of this host, which is registered under the prefix. Default: nothing is registered, only watched. */
  readonly self?: string;
  /** Seconds after which etcd forgets a host that does not renew its lease: one that was killed. Default 10. */
  readonly ttl?: number;
  /** The entries are read so often, in ms, beside the watch; after a failure sooner. Default 30 000. */
  readonly interval?: number;
  /** Name and password, where etcd asks for them. */
  readonly auth?: { readonly username: string; readonly password: string };
  /** Certificates in PEM, where etcd uses TLS. */
  readonly tls?: {
    readonly ca?: string | Uint8Array;
    readonly key?: string | Uint8Array;
    readonly cert?: string | Uint8Array;
  };
}

const anyObject: Rule = { expected: 'an object', accepts: (value) => typeof value === 'object' && value !== null };

const rules: Readonly<Record<Exclude<keyof EtcdHostsOptions, keyof HostSourceOptions>, Rule>> = {
  endpoints: {
    expected: "the addresses of etcd, such as ['http://10.0.0.5:2379']",
    accepts: (value) => [value].flat().length > 0 && [value].flat().every((each) => someText.accepts(each)),
  },
  prefix: someText,
  self: someText,
  ttl: whole(1, 24 * 60 * 60, 's'),
  interval: wholeMs(1),
  auth: anyObject,
  tls: anyObject,
};

const defaultTtl = 10;
const defaultInterval = 30_000;
/** Identifies the entry of this host among what is reported; no key has a space. */
const ownEntry = 'the entry of this host';
/** Entries under the prefix that are no hosts are tolerated up to so many for each host. */
const entriesPerHost = 4;

/**
 * The hosts that are registered in etcd (v3), this one among them: registers `self` under a lease, keeps the lease
 * alive, and watches the prefix from the revision of its read. It survives a compaction, another leader and a restart
 * of etcd.
 *
 * It never errors and never completes. While etcd cannot be reached, the last list stays. A host that was killed
 * disappears when its lease expires (`ttl`), one that closes its manager at once; either is removed from the list when
 * it has been missing for `removeAfter`, by default as long as the lease, so that an etcd that has lost its data takes
 * no cluster apart.
 *
 * The entry is there while the Observable is subscribed: a Manager subscribes at its start and unsubscribes at its
 * close.
 *
 * Needs the package `etcd3`, which is an optional dependency.
 *
 * @throws ConfigurationError for an option that is unknown, missing, or cannot work.
 *
 * @example
 * const local = 'http://10.0.0.1:9000';
 * const hosts = hostsFromEtcd({ endpoints: 'http://10.0.0.5:2379', prefix: 'grids/store/', self: local });
 * const grid = new Manager({ local, hosts, auth });
 */
export function hostsFromEtcd(options: EtcdHostsOptions): Observable<readonly string[]> {
  checkSourceOptions(options, rules, 'hostsFromEtcd', ['endpoints', 'prefix']);
  const { self, ttl = defaultTtl } = options;
  const prefix = options.prefix.endsWith('/') ? options.prefix : `${options.prefix}/`;
  if (self !== undefined) parseHost(self);
  const endpoints = [options.endpoints].flat();
  if (new Set(endpoints.map((each) => each.startsWith('https:'))).size > 1) {
    throw new ConfigurationError('hostsFromEtcd: endpoints must be all https, or all http.');
  }
  return hostSource(`etcd, prefix ${prefix},`, options, ttl * 1_000, (sink) => {
    let stop: (() => void) | undefined = undefined;
    let stopped = false;
    loadEtcd().then(
      (makeClient) => {
        if (!stopped) stop = startSession(makeClient, { ...options, prefix, endpoints, ttl }, sink);
      },
      (error: unknown) => {
        sink.failed(error);
      },
    );
    return () => {
      stopped = true;
      stop?.();
    };
  });
}

interface Session extends EtcdHostsOptions {
  readonly endpoints: readonly string[];
  readonly ttl: number;
}

function startSession(makeClient: MakeEtcdClient, options: Session, sink: HostSink): () => void {
  const { prefix, self, ttl, interval = defaultInterval, maxHosts = maxSourceHosts } = options;
  let client: Etcd3;
  try {
    client = makeClient(clientOptions(options));
  } catch (error) {
    // A certificate that is none, for instance.
    sink.failed(error);
    return () => undefined;
  }
  const registration =
    self === undefined
      ? undefined
      : new EtcdRegistration({
          client,
          key: prefix + self,
          value: self,
          ttl,
          maxPause: ttl * 1_000,
          registered: () => {
            sink.recovered(ownEntry);
          },
          failed: (error) => {
            sink.ignored(ownEntry, `${self} is not registered: ${errorText(error)}`);
          },
        });
  const listing = new EtcdListing({
    client,
    prefix,
    maxEntries: maxHosts * entriesPerHost,
    interval,
    found: (keys, revision) => {
      const names = [...keys.values()].flatMap((key) => toName(key, sink));
      if (self !== undefined && !names.includes(self)) registration?.restore(revision);
      // This host belongs to the list as long as it runs, whether etcd has its entry yet or not.
      sink.found(self === undefined ? names : [...names, self]);
    },
    failed: (error) => {
      sink.failed(error);
    },
  });
  return () => {
    listing.stop();
    const close = (): void => {
      client.close();
    };
    if (registration === undefined) close();
    else void registration.stop().then(close);
  };
}

function toName(key: Uint8Array, sink: HostSink): string[] {
  try {
    return [new TextDecoder('utf-8', { fatal: true }).decode(key)];
  } catch {
    sink.ignored(`bytes ${Buffer.from(key).toString('hex')}`, 'its key is no text');
    return [];
  }
}

function clientOptions({ endpoints, auth, tls }: Session): IOptions {
  const pem = (value: string | Uint8Array | undefined): Buffer | undefined =>
    value === undefined ? undefined : Buffer.from(value as Uint8Array);
  const certificates = { rootCertificate: pem(tls?.ca), privateKey: pem(tls?.key), certChain: pem(tls?.cert) };
  return {
    hosts: [...endpoints],
    // etcd that has vanished, and not closed its sockets, must be noticed: on streams by pings, on requests by a
    // deadline.
    grpcOptions: { 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5_000 },
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + etcdRequestTimeout }),
    ...(auth === undefined ? {} : { auth: { username: auth.username, password: auth.password } }),
    ...(tls === undefined
      ? {}
      : { credentials: withoutUndefined(certificates) as NonNullable<IOptions['credentials']> }),
  };
}

function withoutUndefined(values: Record<string, Buffer | undefined>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<
    string,
    Buffer
  >;
}
