import type { LeafConnection } from '../../endpoint/leaves/leaf.js';
import { parseAddress } from './address.js';
import { connectWith, type ConnectionOptions } from '../connect/connection-options.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { isGlob } from './glob.js';
import { expandRemote } from './remote-glob.js';

/** An open connection to one host, and the paths there that a command works on. */
export interface RemotePaths {
  readonly connection: LeafConnection;
  /** Globs are expanded. */
  readonly paths: readonly string[];
  readonly signal: AbortSignal;
  readonly options: { readonly maxEntries?: number };
}

/** Connects to the host of some addresses, and runs `work` on their paths. @throws Failure; errors of calls. */
export async function onRemotePaths(
  addresses: readonly string[],
  options: ConnectionOptions & { readonly maxEntries?: number },
  signal: AbortSignal,
  work: (remote: RemotePaths) => Promise<number>,
): Promise<number> {
  const parsed = addresses.map((address) => parseAddress(address));
  const hosts = new Set(parsed.map((address) => (address.kind === 'remote' ? address.host : undefined)));
  const [host] = hosts;
  if (hosts.size !== 1 || host === undefined) {
    throw new Failure('all paths must be of one host, as host:port:path or context:path.', exitCodes.usage);
  }
  const connection = await connectWith(host, options, signal);
  try {
    const paths: string[] = [];
    for (const address of parsed) {
      if (address.kind !== 'remote') continue;
      if (isGlob(address.path)) paths.push(...(await expandRemote({ connection, signal, options }, address.path)));
      else paths.push(address.path);
    }
    return await work({ connection, paths, signal, options });
  } finally {
    connection.close();
  }
}
