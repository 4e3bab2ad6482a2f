import type { Etcd3, IOptions } from 'etcd3';
import { ConfigurationError } from '../../errors.js';

/** What the package etcd3 is needed for. */
export type MakeEtcdClient = (options: IOptions) => Etcd3;

/**
 * Loads etcd3, which is an optional dependency.
 *
 * @throws ConfigurationError where it is not installed.
 */
export async function loadEtcd(): Promise<MakeEtcdClient> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import('etcd3');
  } catch (error) {
    throw new ConfigurationError('hostsFromEtcd needs the package etcd3, which is not installed: npm install etcd3', {
      cause: error,
    });
  }
  const { Etcd3: Client } = (loaded.default ?? loaded) as { readonly Etcd3: new (options: IOptions) => Etcd3 };
  return (options) => new Client(options);
}
