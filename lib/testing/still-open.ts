import { take } from 'rxjs';
import { Flag, Op, opensMux } from '../wire/ops.js';
import { readWire, type WireFrame } from './frames/transcript.js';
import type { RouteBook } from './frames/route-book.js';
import type { Cable } from './network/cable.js';
import type { Cluster } from './network/cluster.js';
import { shortName } from './network/memory-network.js';
import type { VirtualClock } from './time/virtual-clock.js';

/** At most so many lines of each kind. */
const mostLines = 10;

/**
 * What a test that cannot end still has: its calls, its timers, and the hosts that are not connected, with the reason.
 */
export function stillOpen(
  clock: VirtualClock,
  cables: readonly Cable[],
  bookOf: (cable: Cable) => RouteBook,
  clusters: readonly Cluster[],
): string {
  const now = clock.elapsed;
  const parts = [
    ['Calls', cables.flatMap((cable) => openCalls(cable, bookOf(cable), now))],
    ['Timers', timers(clock)],
    ['Hosts', clusters.flatMap(hosts)],
  ] as const;
  return parts
    .map(([name, lines]) => {
      const more = lines.length > mostLines ? [`… ${lines.length - mostLines} more`] : [];
      const shown = [...lines.slice(0, mostLines), ...more].map((line) => `\n  ${line}`).join('');
      return `${name}:${lines.length === 0 ? ' none' : shown}`;
    })
    .join('\n');
}

function openCalls(cable: Cable, book: RouteBook, now: number): string[] {
  const open = new Map<string, WireFrame>();
  for (const each of readWire(cable, book)) {
    if (!('frame' in each)) {
      if (each.what === 'opened' || each.what === 'closed' || each.what === 'broken') open.clear();
      continue;
    }
    const { op, muxId, flags } = each.frame;
    // What the caller sends is known by its own id, what the responder sends by that of the other end.
    if (opensMux(op)) open.set(`${each.from} ${muxId}`, each);
    else if (op === Op.DisconnectServerMux) open.delete(`${each.from} ${muxId}`);
    else if (op === Op.Response || op === Op.MuxConnectError || op === Op.DisconnectClientMux || ends(op, flags)) {
      open.delete(`${each.to} ${muxId}`);
    }
  }
  return [...open.values()].map(({ from, to, at, frame, route, fates }) => {
    const fate = fates.length === 0 ? '' : `, its request was ${fates.join(', ')}`;
    return `${from} → ${to}  ${route?.name ?? `handler ${frame.handler}`}, open for ${now - at} ms${fate}`;
  });
}

function ends(op: number, flags: number): boolean {
  return op === Op.MuxServerMsg && (flags & (Flag.Eof | Flag.PayloadIsErr)) !== 0;
}

function timers(clock: VirtualClock): string[] {
  const [own, others] = [
    clock.timers.filter(({ label }) => label !== undefined),
    clock.timers.filter(({ label }) => label === undefined),
  ];
  const lines = own.map(({ at, label }) => `${label!}, due at ${at} ms`);
  if (others.length > 0)
    lines.push(`${others.length} of hosts, lines and the kit, the next due at ${others[0]!.at} ms`);
  return lines;
}

function hosts({ hosts: all }: Cluster): string[] {
  return all.flatMap(({ name, running, manager }) => {
    if (!running) return [`${name}: does not run`];
    const lines: string[] = [];
    manager.cluster$.pipe(take(1)).subscribe(({ hosts: others }) => {
      for (const { host, status, error } of others) {
        if (status === 'connected') continue;
        lines.push(`${name} to ${shortName(host)}: ${status}${error === undefined ? '' : `, ${error.message}`}`);
      }
    });
    return lines;
  });
}
