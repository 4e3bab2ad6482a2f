import { Observable, throwError } from 'rxjs';

/**
 * Reports an error that no caller can handle, on a later macrotask, as rxjs reports unhandled errors: to
 * `config.onUnhandledError`, or by throwing it. See `guarded`.
 */
export function reportUnhandled(error: unknown): void {
  // rxjs exports no function for this. A subscription without an error handler has the same effect.
  throwError(() => error).subscribe();
}

/**
 * Isolates the subscribers of a source from each other: an error that one of them throws, even in a finalizer, is
 * reported as unhandled. A plain Subject would not notify the subscribers behind the one that threw.
 */
export function isolated<T>(source: Observable<T>): Observable<T> {
  return new Observable<T>((subscriber) =>
    // rxjs catches and reports errors thrown by an observer that is not a Subscriber.
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

/** The single errors behind a thrown one: rxjs wraps errors of finalizers in an UnsubscriptionError. */
export function thrownErrors(error: unknown): readonly unknown[] {
  try {
    const { name, errors } = (typeof error === 'object' && error !== null ? error : {}) as {
      readonly name?: unknown;
      readonly errors?: unknown;
    };
    if (name === 'UnsubscriptionError' && Array.isArray(errors)) return errors as unknown[];
  } catch {
    // A getter or a Proxy threw.
  }
  return [error];
}
