/*
 * What the process waits for outside of virtual time, as far as the platform reports it: only Node does, and only of
 * requests to files, lookups of names, connects, and real timers. Crypto, compression and the queries of a
 * `dns.Resolver` are not seen; sockets and child processes may be open although nothing waits for them. All of these
 * need hold().
 */

interface NodeProcess {
  getActiveResourcesInfo?: () => string[];
}

const { process } = globalThis as { process?: NodeProcess };
const requests = new Set([
  'FSReqCallback',
  'FSReqPromise',
  // Of a FileHandle that is being closed.
  'CloseReq',
  'GetAddrInfoReqWrap',
  'GetNameInfoReqWrap',
  'ConnectWrap',
]);
/** Of node:timers/promises, and of code that kept the real setTimeout. */
const timer = 'Timeout';

/** What is pending, and what is open. */
export interface RealWork {
  /** How many requests are pending: each ends by itself. */
  readonly requests: number;
  /** How many real timers are pending. */
  readonly timers: number;
  /** Open sockets and child processes, such as `TCPSocketWrap`: something may come from them at any time. */
  readonly open: readonly string[];
}

const nothing: RealWork = { requests: 0, timers: 0, open: [] };

/** What there is now; nothing where the platform does not report it. */
export function realWork(): RealWork {
  const names = process?.getActiveResourcesInfo?.();
  if (names === undefined) return nothing;
  let requestCount = 0;
  let timers = 0;
  const open: string[] = [];
  for (const name of names) {
    if (requests.has(name)) requestCount++;
    else if (name === timer) timers++;
    else if (/^(TCP|UDP|TLS|Process|Worker|MessagePort)/.test(name)) open.push(name);
  }
  return { requests: requestCount, timers, open };
}
