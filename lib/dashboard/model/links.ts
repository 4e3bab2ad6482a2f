import type { MonitoredCluster, MonitoredHost } from '../../monitor/index.js';

/** The connection between two hosts. */
export interface LinkRow {
  readonly from: string;
  readonly to: string;
  readonly status: MonitoredHost['status'];
  readonly rtt: number | undefined;
  readonly bytes: number | undefined;
  /** Which of the two dialed. */
  readonly dialer: string | undefined;
  readonly since: number;
  readonly why: string | undefined;
  readonly connects: number;
}

/** The connections that one host reports. `bytesOf` returns the bytes per second of the one with another host. */
export function reportedLinks(
  from: string,
  cluster: MonitoredCluster,
  bytesOf: (host: string) => number | undefined,
): readonly LinkRow[] {
  return cluster.hosts.map(({ host, status, stats, dials, since, error, connects }) => ({
    from,
    to: host,
    status,
    rtt: stats?.rtt,
    bytes: bytesOf(host),
    dialer: dials === undefined ? undefined : dials === 'local' ? from : host,
    since,
    why: error?.message,
    connects,
  }));
}

/** More hosts than any page shows. */
const maxHosts = 2 ** 20;

/** Each connection once: both ends report it, and the one that has lost the other knows more. */
export function mergeLinks(reports: readonly (readonly LinkRow[])[]): readonly LinkRow[] {
  const numbers = new Map<string, number>();
  const numberOf = (host: string): number => {
    let number = numbers.get(host);
    if (number === undefined) numbers.set(host, (number = numbers.size));
    return number;
  };
  // Numbers as keys: thousands of connections are merged for each drawing.
  const links = new Map<number, LinkRow>();
  for (const rows of reports) {
    for (const row of rows) {
      const [one, other] = [numberOf(row.from), numberOf(row.to)];
      const key = Math.min(one, other) * maxHosts + Math.max(one, other);
      const known = links.get(key);
      if (known === undefined || (known.status === 'connected' && row.status !== 'connected')) links.set(key, row);
    }
  }
  return [...links.values()];
}
