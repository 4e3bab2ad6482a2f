/**
 * Transfers, and counts beside that what there is to transfer. The count ends with the transfer where that fails, and its
 * own failure does not matter: the transfer says what is wrong.
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
