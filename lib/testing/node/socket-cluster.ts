import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { filter, firstValueFrom, map, merge, NEVER, type Observable } from 'rxjs';
import { staticToken } from '../../endpoint/accept/auth.js';
import { ConfigurationError } from '../../errors.js';
import { managerRules } from '../../endpoint/manager-options.js';
import { nodeDial, socketRules } from '../../node/server/dial.js';
import type { Dial } from '../../transport/socket.js';
import type { FlowCluster, FlowClusterOptions } from '../flow-context.js';
import { checkClusterOptions, checkHostName, checkShortNames } from '../name-check.js';
import type { ClusterEvent } from '../network/cluster.js';
import { MessageFaults, type MessageFault } from '../network/message-fault.js';
import { ProxyCable } from './proxy-cable.js';
import { SocketHost } from './socket-host.js';

/** Managers in one process that listen on the loopback interface, with a proxy between each two of them. */
export class SocketCluster implements FlowCluster {
  readonly hosts: readonly SocketHost[];
  readonly cables: readonly ProxyCable[];
  readonly ends: readonly string[];
  readonly events$: Observable<ClusterEvent>;
  readonly carries = 'bytes';

  readonly #faults: MessageFaults;
  readonly #servers: readonly Server[];

  private constructor(
    parts: Pick<SocketCluster, 'hosts' | 'cables'>,
    faults: MessageFaults,
    servers: readonly Server[],
  ) {
    this.hosts = parts.hosts;
    this.cables = parts.cables;
    this.ends = parts.hosts.map(({ name }) => name);
    this.#faults = faults;
    this.#servers = servers;
    this.events$ = merge(
      NEVER,
      ...parts.hosts.map(({ name, events$ }) => events$.pipe(map((event) => ({ at: name, event })))),
    );
  }

  /** Listens for all hosts, and starts their proxies. The hosts themselves are started by {@link connected}. */
  static async listen(options: FlowClusterOptions): Promise<SocketCluster> {
    const { hosts: names, setup, auth = staticToken('test'), ...others } = options;
    checkClusterOptions(options, { ...managerRules, ...socketRules }, { overSockets: true });
    checkShortNames(names);
    const servers = await Promise.all(names.map(listening));
    const portOf = Object.fromEntries(names.map((name, index) => [name, portOfServer(servers[index]!)]));
    const urls = new Map(names.map((name) => [name, `http://127.0.0.1:${String(portOf[name])}`]));
    const faults = new MessageFaults();
    const cables = names.flatMap((left, index) =>
      names.slice(index + 1).map((right) => new ProxyCable([left, right], portOf, faults)),
    );
    // By the dialer, then by the authority that is dialed: the port of the proxy.
    const proxies = new Map<string, Map<string, number>>(names.map((name) => [name, new Map()]));
    for (const cable of cables) {
      const [left, right] = cable.ends;
      proxies.get(left)!.set(`127.0.0.1:${String(portOf[right])}`, await cable.listen(right));
      proxies.get(right)!.set(`127.0.0.1:${String(portOf[left])}`, await cable.listen(left));
    }
    const urlOf = (name: string): string => {
      checkHostName(name, names, 'the cluster');
      return urls.get(name)!;
    };
    const hosts = names.map(
      (name, index) =>
        new SocketHost({
          name,
          url: urlOf(name),
          server: servers[index]!,
          options: {
            ...others,
            auth,
            hosts: [...urls.values()],
            local: urlOf(name),
            dial: through(proxies.get(name)!),
          },
          setup,
          urlOf,
          cableTo: (other) => cableOf(cables, name, other),
          cables: () => cables.filter(({ ends }) => ends.includes(name)),
        }),
    );
    return new SocketCluster({ hosts, cables }, faults, servers);
  }

  host(name: string): SocketHost {
    checkHostName(name, this.ends, 'the cluster');
    return this.hosts.find((host) => host.name === name)!;
  }

  cable(left: string, right: string): ProxyCable {
    for (const end of [left, right]) checkHostName(end, this.ends, 'the cluster');
    return cableOf(this.cables, left, right);
  }

  interfere(fault: MessageFault): () => void {
    return this.#faults.add(fault);
  }

  async connected(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.start()));
    await Promise.all(
      this.hosts.map((host) =>
        firstValueFrom(
          host.manager.cluster$.pipe(filter(({ hosts }) => hosts.every(({ status }) => status === 'connected'))),
        ),
      ),
    );
  }

  /** Closes everything. */
  async close(): Promise<void> {
    await Promise.allSettled(this.hosts.map((host) => host.close()));
    for (const cable of this.cables) cable.close();
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }
}

function cableOf(cables: readonly ProxyCable[], left: string, right: string): ProxyCable {
  const found = cables.find(({ ends }) => left !== right && ends.includes(left) && ends.includes(right));
  if (found === undefined) throw new ConfigurationError(`There is no cable between ${left} and ${right}.`);
  return found;
}

async function listening(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

function portOfServer(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Dials the proxy in front of a host in place of the host. */
function through(proxies: ReadonlyMap<string, number>): Dial {
  const dial = nodeDial({});
  return (url, options) => {
    const target = new URL(url);
    const port = proxies.get(target.host);
    if (port === undefined) throw new ConfigurationError(`${url} is no host of the cluster.`);
    target.port = String(port);
    return dial(target.href, options);
  };
}
