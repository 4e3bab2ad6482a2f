import type { Observable } from 'rxjs';
import { GridError } from '../../../lib/index.js';

/** How a call ended: its items, and the code of its error. */
export interface Ended {
  readonly items: readonly unknown[];
  /** `completed`, the code of a GridError, or the text of what else it failed with. */
  readonly code: string;
  readonly error?: unknown;
}

/** Makes a call, and waits for its end. */
export async function end(call: Observable<unknown>): Promise<Ended> {
  const items: unknown[] = [];
  return new Promise((resolve) => {
    call.subscribe({
      next: (item) => items.push(item),
      error: (error: unknown) => {
        resolve({ items, code: codeOf(error), error });
      },
      complete: () => {
        resolve({ items, code: 'completed' });
      },
    });
  });
}

/** The code of a GridError, and the text of any other one. */
export function codeOf(error: unknown): string {
  return error instanceof GridError ? error.code : String(error);
}
