import type { HostLoad } from './cluster-hosts.js';

/** Chooses one of several hosts for a call. There is at least one. */
export type PickHost = (hosts: readonly HostLoad[]) => string;

/**
 * The better one of two that are drawn: with fewer calls in flight in relation to its distance. Drawing two, and not
 * looking for the best, keeps many callers from all choosing the same host.
 */
export function powerOfTwo(random: () => number): PickHost {
  const draw = (from: readonly HostLoad[]): HostLoad => from[Math.floor(random() * from.length)]!;
  return (hosts) => {
    const first = draw(hosts);
    if (hosts.length === 1) return first.host;
    const second = draw(hosts.filter((each) => each !== first));
    return costOf(second) < costOf(first) ? second.host : first.host;
  };
}

/** In ms: differences of round trips below that are noise, and no host is infinitely better than another. */
const shortestRoundTrip = 1;

function costOf({ inFlight, rtt = 0 }: HostLoad): number {
  return (inFlight + 1) * Math.max(shortestRoundTrip, rtt);
}
