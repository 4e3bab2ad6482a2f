import { isObservable } from 'rxjs';
import type { ManagerOptions } from '../../lib/endpoint/manager-options.js';

/** A list of hosts with the local one in it, as a manager wants it: specs name the others. */
export function withLocal(local: string, hosts: ManagerOptions['hosts']): ManagerOptions['hosts'] {
  return isObservable(hosts) || hosts.includes(local) ? hosts : [...hosts, local];
}
