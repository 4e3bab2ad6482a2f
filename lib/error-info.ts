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

/** Describes an error of any kind, also one of another realm. Never throws: it may be anything that user code threw. */
export function errorInfo(error: unknown): ErrorInfo {
  const info = { ...nameAndCode(error), message: errorText(error) };
  return Object.defineProperty(info, 'cause', { value: error });
}

function nameAndCode(error: unknown): Pick<ErrorInfo, 'name' | 'code'> {
  try {
    // The second test knows the errors of another realm.
    if (error instanceof Error || Object.prototype.toString.call(error) === '[object Error]') {
      const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
      return {
        name: typeof name === 'string' ? name : 'Error',
        ...(typeof code === 'string' ? { code } : {}),
      };
    }
  } catch {
    // A getter, or a Proxy.
  }
  return { name: 'Error' };
}
