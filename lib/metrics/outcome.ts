import { CancelledError } from '../errors.js';
import type { Outcome } from './route-meter.js';

/** The code under which errors are counted that have none. */
const unknown = 'unknown';

/**
 * How a call ended whose error is `error`; undefined: it ended well. Never throws: it may be anything that user code
 * threw.
 */
export function outcomeOf(error: unknown, withoutCode = unknown): Outcome {
  if (error === undefined) return 'ok';
  if (error instanceof CancelledError) return 'cancelled';
  try {
    const { code } = error as { readonly code?: unknown };
    return { code: typeof code === 'string' && code !== '' ? code : withoutCode };
  } catch {
    // It is null, or a getter or a Proxy throws.
    return { code: withoutCode };
  }
}
