import {
  connect as connectAnywhere,
  leafRules,
  type ConnectOptions,
  type LeafConnection,
  type TokenSource,
} from '../../endpoint/leaves/leaf.js';
import { takeSocketOptions, type SocketOptions } from './dial.js';

/** Options of {@link connect} in Node. */
export interface NodeConnectOptions extends ConnectOptions, SocketOptions {}

/**
 * Connects to a host as a leaf, as `connect` of `rxgrid` does, and sends files in the most efficient way that Node
 * offers.
 *
 * @param url - `ws://…` or `wss://…` of the host; without a path, the default one. With several, as there.
 * @throws ConfigurationError for a URL that cannot be dialed, and for an unknown or invalid option.
 */
export function connect(url: string | readonly string[], options: NodeConnectOptions & TokenSource): LeafConnection {
  return connectAnywhere(url, takeSocketOptions(options, leafRules, 'connect') as ConnectOptions & TokenSource);
}
