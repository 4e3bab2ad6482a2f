import { afterEach, beforeEach } from '@jest/globals';
import { config } from 'rxjs';

/** What rxjs reports as unhandled in each test of a file, one by one; nothing of it ends the process. */
export function collectUnhandled(): unknown[] {
  const unhandled: unknown[] = [];
  const before = config.onUnhandledError;
  beforeEach(() => {
    config.onUnhandledError = (error: unknown) => {
      const { errors } = error as { readonly errors?: readonly unknown[] };
      unhandled.push(...(errors ?? [error]));
    };
  });
  afterEach(async () => {
    // What a test leaves behind is not the next one's.
    await reported();
    config.onUnhandledError = before;
    unhandled.length = 0;
  });
  return unhandled;
}

/** rxjs reports on a timer of the platform. */
export const reported = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
