import { errorText } from './errors.js';

/**
 * An error as states and events show it: a plain value, so that they can be sent by any codec, as with
 * `grid.handle(cluster, () => grid.cluster$)`.
 */
export interface ErrorInfo {
  readonly name: string;
  /** Stable identifier of the kind of failure, where the error has one: of a GridError, or of the system (`ECONNREFUSED`). */
  readonly code?: string;
  readonly message: string;
  /** The error itself, with its stack, in the process where it occurred. Not enumerable: it is neither sent nor copied. */
  readonly cause?: unknown;
}

/** Describes an error of any kind. */
export function errorInfo(error: unknown): ErrorInfo {
  const isError = error instanceof Error;
  const code: unknown = isError && 'code' in error ? error.code : undefined;
  const info = {
    name: isError ? error.name : 'Error',
    ...(typeof code === 'string' ? { code } : {}),
    message: errorText(error),
  };
  return Object.defineProperty(info, 'cause', { value: error });
}
