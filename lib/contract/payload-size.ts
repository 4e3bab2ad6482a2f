import { LimitError } from '../errors.js';
import type { Limits } from '../limits.js';

/**
 * Checks the size of a stream's request or item.
 *
 * @throws LimitError if it is larger than `maxUnaryBytes`.
 */
export function checkPayloadSize(payload: Uint8Array, limits: Limits, route: string, what: 'request' | 'item'): void {
  const { maxUnaryBytes } = limits;
  if (payload.length <= maxUnaryBytes) return;
  throw new LimitError(
    `${route}: the ${what} has ${String(payload.length)} bytes, and maxUnaryBytes is ${String(maxUnaryBytes)}: send it in several items.`,
    'maxUnaryBytes',
  );
}
