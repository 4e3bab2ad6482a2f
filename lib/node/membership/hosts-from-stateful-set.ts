import { checkOptions, oneOf, someText, whole, type Rule } from '../../check.js';
import { parseHost } from '../../endpoint/host-name.js';

/** Options of {@link hostsFromStatefulSet}. */
export interface StatefulSetOptions {
  /** Name of the StatefulSet: its pods are `name-0`, `name-1`, …. */
  readonly name: string;
  /** Name of its headless service (`serviceName`). */
  readonly service: string;
  /** How many pods it has. */
  readonly replicas: number;
  /** Ordinal of the first pod (`spec.ordinals.start`). Default 0. */
  readonly firstOrdinal?: number;
  /** Its namespace. Default: none in the names, which resolve from the same namespace. */
  readonly namespace?: string;
  /** Port on which each pod listens. Default: that of the scheme. */
  readonly port?: number;
  /** Default 'http'. */
  readonly scheme?: 'http' | 'https';
}

const rules: Readonly<Record<keyof StatefulSetOptions, Rule>> = {
  name: someText,
  service: someText,
  replicas: whole(1),
  firstOrdinal: whole(0),
  namespace: someText,
  port: whole(1, 0xffff),
  scheme: oneOf('http', 'https'),
};

/**
 * The hosts of a Kubernetes StatefulSet, from its description alone: nothing is looked up. The names stay the same when
 * pods are replaced, so it suits a set of fixed size. Where the number of pods changes, restart them with the new one,
 * or use `hostsFromDns`.
 *
 * @throws ConfigurationError for an option that is missing or cannot work.
 *
 * @example
 * const hosts = hostsFromStatefulSet({ name: 'store', service: 'store', replicas: 3, port: 9000 });
 * const local = hosts.find((host) => host.startsWith(`http://${hostname()}.`)); // http://store-1.store:9000
 */
export function hostsFromStatefulSet(options: StatefulSetOptions): readonly string[] {
  checkOptions(options, rules, { of: 'hostsFromStatefulSet', required: ['name', 'service', 'replicas'] });
  const { name, service, replicas, firstOrdinal = 0, namespace, port, scheme = 'http' } = options;
  const domain = namespace === undefined ? service : `${service}.${namespace}.svc`;
  const suffix = port === undefined ? '' : `:${String(port)}`;
  return Array.from({ length: replicas }, (_, index) =>
    parseHost(`${scheme}://${name}-${String(firstOrdinal + index)}.${domain}${suffix}`),
  );
}
