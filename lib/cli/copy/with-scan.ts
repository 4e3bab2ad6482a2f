/**
 * Runs a transfer, and beside it a scan that counts what there is to transfer. A transfer that fails ends the scan. A
 * failure of the scan is ignored: the transfer finds the same fault, and reports it.
 *
 * @param scan - Counts until its signal aborts.
 */
export async function withScan(
  { signal }: { readonly signal: AbortSignal },
  scan: (signal: AbortSignal) => Promise<void>,
  transfer: () => Promise<void>,
): Promise<void> {
  const abort = new AbortController();
  const interrupt = (): void => {
    abort.abort(signal.reason);
  };
  signal.addEventListener('abort', interrupt);
  const scanned = scan(abort.signal).catch(() => undefined);
  try {
    await transfer();
    await scanned;
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', interrupt);
    abort.abort();
  }
}
