import { LimitError } from '../errors.js';
import type { Limits } from '../limits.js';

/**
 * Checks the payload that opens a stream, or an item of one.
 *
 * @throws LimitError where it has more than `maxUnaryBytes`.
 */
export function checkPayloadSize(payload: Uint8Array, limits: Limits, route: string, what: 'request' | 'item'): void {
  const { maxUnaryBytes } = limits;
  if (payload.length <= maxUnaryBytes) return;
  throw new LimitError(
    `${route}: the ${what} has ${String(payload.length)} bytes, and maxUnaryBytes is ${String(maxUnaryBytes)}: send it in several items.`,
    'maxUnaryBytes',
  );
}
