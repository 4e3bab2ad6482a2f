/*
 * What the process waits for outside of JavaScript, as far as the platform tells: only Node does, and only of requests to files
 * and names. Crypto, compression, sockets and child processes are not seen: they need hold().
 */

interface NodeProcess {
  getActiveResourcesInfo?: () => string[];
}

const { process } = globalThis as { process?: NodeProcess };
const requests = new Set([
  'FSReqCallback',
  'FSReqPromise',
  'FileHandleCloseReq',
  'GetAddrInfoReqWrap',
  'GetNameInfoReqWrap',
  'QueryReqWrap',
  'TCPConnectWrap',
  'PipeConnectWrap',
]);

/** How many requests are pending: each ends by itself. 0 where the platform does not tell. */
export function pendingRequests(): number {
  let count = 0;
  for (const name of process?.getActiveResourcesInfo?.() ?? []) if (requests.has(name)) count++;
  return count;
}

/** Open sockets and child processes, such as `TCPSocketWrap`: something may come from them at any time. */
export function openResources(): readonly string[] {
  const names = process?.getActiveResourcesInfo?.() ?? [];
  return [...new Set(names.filter((name) => /^(TCP|UDP|TLS|Process|Worker|MessagePort)/.test(name)))];
}
