import type { ConnectionState } from 'rxgrid';

// #region state-text
/** The state of a leaf in words. */
export function stateText({ status, error, nextAttempt, waitsFor, checksum }: ConnectionState, now: number): string {
  switch (status) {
    case 'connected':
      return checksum === false ? 'Connected, without checksums.' : 'Connected.';
    case 'refused':
      return `Not accepted: ${error?.message ?? ''}`;
    case 'closed':
      return 'Closed.';
    default: {
      const seconds = nextAttempt === undefined ? undefined : Math.ceil((nextAttempt - now) / 1_000);
      if (waitsFor === 'online') return 'No network.';
      return `No connection; ${seconds === undefined ? 'trying' : `next attempt in ${String(seconds)} s`}.`;
    }
  }
}
// #endregion
