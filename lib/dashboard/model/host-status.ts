import type { Health } from '../../endpoint/health.js';
import type { MonitoredHost } from '../../monitor/index.js';
import { shortHost } from '../parts/format.js';

/**
 * The status of a host, derived from what the other hosts report:
 *
 *     up         every host that reports figures is connected with it
 *     partly     some are, and some are not
 *     draining   it finishes its calls and takes no new ones
 *     starting   no host has been connected with it yet, or it reports so itself
 *     down       no host is connected with it
 */
export type HostStatus = 'up' | 'partly' | 'draining' | 'starting' | 'down';

/** The statuses, the most serious first. */
export const statusOrder: readonly HostStatus[] = ['down', 'partly', 'draining', 'starting', 'up'];

/** What one host reports of another. */
export interface View {
  readonly by: string;
  readonly host: MonitoredHost;
  /** Wall clock of the reporting host. */
  readonly now: number;
}

/** The reports from which the status of a host is derived. */
export interface StatusParts {
  readonly views: readonly View[];
  /** What the host reports of itself, while it reports. */
  readonly health: Health | undefined;
  /** Of the host that the page is connected to. */
  readonly uptime?: number | undefined;
}

/** A status, since when, and why. */
export interface StatusNow {
  readonly status: HostStatus;
  /** Since when it has this status, by the wall clock of the reporting host; undefined where it is unknown. */
  readonly since: number | undefined;
  /** How long it has had this status, in ms. */
  readonly for: number | undefined;
  /** Why it is not up, in a sentence. */
  readonly why: string | undefined;
  /** Hosts that are connected with it, of those that report. */
  readonly seenUpBy: number;
  readonly seenBy: number;
}

/** The status of a host. */
export function statusOf({ views, health, uptime }: StatusParts): StatusNow {
  const up = views.filter(({ host }) => host.status === 'connected');
  const lost = views.filter(({ host }) => host.status !== 'connected');
  const seen = { seenUpBy: up.length, seenBy: views.length };
  // The page itself is connected with it.
  const isLocal = uptime !== undefined;
  if (health?.status === 'draining' || (!isLocal && views.some(({ host }) => host.status === 'draining'))) {
    return { status: 'draining', ...spanOf(lost), why: health?.reason ?? reasonOf(lost), ...seen };
  }
  if (isLocal) {
    if (health !== undefined && health.status !== 'ready')
      return { status: 'starting', ...spanOf([]), why: health.reason, ...seen };
    if (lost.length > 0 && up.length === 0 && views.length > 1) return partly(lost, seen);
    return { status: 'up', ...upSpan(up, uptime), why: undefined, ...seen };
  }
  if (lost.length === 0) return { status: 'up', ...upSpan(up, undefined), why: undefined, ...seen };
  if (up.length > 0) return partly(lost, seen);
  const neverSeen = lost.every(({ host }) => host.connects === 0 && host.error === undefined);
  return { status: neverSeen ? 'starting' : 'down', ...spanOf(lost), why: reasonOf(lost), ...seen };
}

function partly(lost: readonly View[], seen: Pick<StatusNow, 'seenUpBy' | 'seenBy'>): StatusNow {
  const names = lost.slice(0, 3).map(({ by }) => shortHost(by));
  const by = `${names.join(', ')}${lost.length > 3 ? ` and ${lost.length - 3} more` : ''}`;
  const why = `Not connected with ${by}${lost.length === 0 ? '' : `: ${reasonOf(lost) ?? 'no reason is reported'}`}`;
  return { status: 'partly', ...spanOf(lost), why, ...seen };
}

// The host that lost it first knows best since when.
function spanOf(lost: readonly View[]): Pick<StatusNow, 'since' | 'for'> {
  const known = lost.filter(({ host }) => host.since > 0);
  if (known.length === 0) return { since: undefined, for: undefined };
  const first = known.reduce((one, other) => (other.now - other.host.since > one.now - one.host.since ? other : one));
  return { since: first.host.since, for: Math.max(0, first.now - first.host.since) };
}

function upSpan(up: readonly View[], uptime: number | undefined): Pick<StatusNow, 'since' | 'for'> {
  const { since, for: time } = spanOf(up);
  return uptime === undefined ? { since, for: time } : { since: undefined, for: uptime };
}

const meanings: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'Its port refuses connections: the process does not run'],
  [/ENOTFOUND|EAI_AGAIN/, 'Its name cannot be resolved'],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN/, 'It cannot be reached over the network'],
  [/ECONNRESET|EPIPE/, 'It broke off the connection'],
  [/CERT|certificate|SELF_SIGNED/, 'Its certificate is not accepted'],
];

/** Why it was lost: a sentence for the code or the text of its error. */
function reasonOf(lost: readonly View[]): string | undefined {
  const errors = lost.flatMap(({ host }) => (host.error === undefined ? [] : [host.error]));
  const error = errors.find(({ code, message }) => meaningOf(`${code ?? ''} ${message}`) !== undefined) ?? errors[0];
  if (error === undefined) return undefined;
  const meaning = meaningOf(`${error.code ?? ''} ${error.message}`);
  return meaning === undefined
    ? error.message
    : `${meaning} (${codeIn(error.message) ?? error.code ?? error.message}).`;
}

function meaningOf(text: string): string | undefined {
  return meanings.find(([pattern]) => pattern.test(text))?.[1];
}

function codeIn(message: string): string | undefined {
  return /\bE[A-Z]{4,}\b/.exec(message)?.[0];
}
