/**
 * The text that goes to the other side for an error of any kind. Never a stack. It never throws, whatever was thrown.
 *
 * By its properties, not by `instanceof`: an error may be of another realm (Node's own are, in a vm context such as a
 * file of jest), and what somebody threw need not be an Error at all.
 */
export function errorText(error: unknown): string {
  try {
    if (typeof error === 'string') return error;
    if (typeof error === 'number' || typeof error === 'boolean' || typeof error === 'bigint') return String(error);
    if (typeof error !== 'object' || error === null) return 'unknown error';
    const { message } = error as { readonly message?: unknown };
    if (typeof message === 'string' && message !== '') return message;
    const { name } = error as { readonly name?: unknown };
    return typeof name === 'string' && name !== '' ? name : 'unknown error';
  } catch {
    // A getter, or a Proxy.
    return 'an error whose message cannot be read';
  }
}

/**
 * What was thrown as an Error: itself where it is one, of this realm or another; else one with its text, and it as the
 * cause.
 */
export function toError(thrown: unknown): Error {
  try {
    // The second test knows the errors of another realm.
    if (thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]') return thrown as Error;
  } catch {
    // A Proxy whose traps throw: only its text can be passed on.
  }
  return new Error(errorText(thrown), { cause: thrown });
}

/**
 * Makes an error without a stack trace, which takes most of its time: for errors that come in great numbers at once, or
 * that hardly anybody looks at, and whose stack would show nothing but this library.
 */
export function withoutStack<E>(make: () => E): E {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
