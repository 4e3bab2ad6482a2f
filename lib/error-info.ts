import { errorText } from './errors.js';
import { printable } from './printable.js';

/**
 * The description of an error in states and events: a plain value, so that any codec can send them, as in
 * `grid.handle(cluster, () => grid.cluster$)`. The texts are printable: they may come from another side, and are meant
 * for logs.
 */
export interface ErrorInfo {
  readonly name: string;
  /**
   * Stable identifier of the kind of failure, if the error has one: that of a GridError, or of the system
   * (`ECONNREFUSED`).
   */
  readonly code?: string;
  readonly message: string;
  /** The error itself, in the process where it occurred. Not enumerable, so it is neither sent nor copied. */
  readonly cause?: unknown;
}

/** Describes any thrown value, including errors of another realm. Never throws. */
export function errorInfo(error: unknown): ErrorInfo {
  const info = { ...nameAndCode(error), message: printable(errorText(error)) };
  return Object.defineProperty(info, 'cause', { value: error });
}

function nameAndCode(error: unknown): Pick<ErrorInfo, 'name' | 'code'> {
  try {
    // The second test knows the errors of another realm.
    if (error instanceof Error || Object.prototype.toString.call(error) === '[object Error]') {
      const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
      return {
        name: typeof name === 'string' ? printable(name) : 'Error',
        ...(typeof code === 'string' ? { code: printable(code) } : {}),
      };
    }
  } catch {
    // A getter, or a Proxy.
  }
  return { name: 'Error' };
}
