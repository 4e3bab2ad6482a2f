/*
 * A host as a process of its own: node monitored-host.cjs LOCAL PING_INTERVAL CALLS_PER_SECOND HOST… It takes leaves,
 * is monitored, relays, and calls each of the other hosts so many times a second. It answers each line that it reads
 * with one: the CPU time that it has used, in µs.
 */

import { createInterface } from 'node:readline';
import { catchError, EMPTY, interval, mergeMap, NEVER } from 'rxjs';
import { type } from '../../../lib/codec/codec.js';
import { unary } from '../../../lib/contract/contract.js';
import { staticToken } from '../../../lib/endpoint/accept/auth.js';
import { serveMonitor } from '../../../lib/monitor/index.js';
import { Manager } from '../../../lib/node/server/manager.js';

const [local, pingInterval, callsPerSecond, ...hosts] = process.argv.slice(2) as [string, string, string, ...string[]];
const stat = unary({ name: 'stat', request: type<number>(), response: type<number>() });
const manager = new Manager({
  local,
  hosts,
  auth: staticToken('secret'),
  leaves: { authenticate: () => 'operator' },
  relay: { authorize: () => true },
  limits: { connectionPingInterval: Number(pingInterval) },
});
serveMonitor(manager, { authorize: () => true });
manager.handle(stat, (disk) => disk + 1);
createInterface(process.stdin).on('line', () => {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${user + system}\n`);
});
void manager.listen({ address: '127.0.0.1' }).then(() => {
  const others = hosts.filter((host) => host !== local).map((host) => manager.connection(host));
  (Number(callsPerSecond) === 0 ? NEVER : interval(1_000 / Number(callsPerSecond)))
    .pipe(
      mergeMap((disk) => others.map((other) => other.request(stat, disk))),
      mergeMap((answer) => answer.pipe(catchError(() => EMPTY))),
    )
    .subscribe();
  process.stdout.write('listening\n');
});
