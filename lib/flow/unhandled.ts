import { Observable, throwError } from 'rxjs';

/**
 * Reports what a subscriber's code threw, on a later macrotask, as rxjs reports what nobody handles: to
 * `config.onUnhandledError`, or else by throwing it. For what nobody else waits for; see `guarded`.
 */
export function reportUnhandled(error: unknown): void {
  // rxjs exports no function for it. Who subscribes without an error handler gets just that.
  throwError(() => error).subscribe();
}

/**
 * The same notifications for each subscriber, none of which can harm another one, or the source: what one throws, be it in
 * a finalizer at the end, is reported as unhandled. A Subject alone would not notify those behind the one that threw.
 */
export function isolated<T>(source: Observable<T>): Observable<T> {
  return new Observable<T>((subscriber) =>
    // What an observer throws that is no Subscriber, rxjs catches and reports.
    source.subscribe({
      next: (value) => {
        subscriber.next(value);
      },
      error: (error: unknown) => {
        subscriber.error(error);
      },
      complete: () => {
        subscriber.complete();
      },
    }),
  );
}

/** What was thrown, one by one: rxjs wraps what finalizers throw in an UnsubscriptionError, which hides it. */
export function thrownErrors(error: unknown): readonly unknown[] {
  try {
    const { name, errors } = (typeof error === 'object' && error !== null ? error : {}) as {
      readonly name?: unknown;
      readonly errors?: unknown;
    };
    if (name === 'UnsubscriptionError' && Array.isArray(errors)) return errors as unknown[];
  } catch {
    // A getter, or a Proxy.
  }
  return [error];
}
