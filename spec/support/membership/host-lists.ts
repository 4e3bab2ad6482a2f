import { filter, firstValueFrom, ReplaySubject, skip, type Observable, type Subscription } from 'rxjs';
import type { MembershipError } from '../../../lib/node/membership/membership-error.js';

/** A source of hosts that is subscribed to, and what came of it. */
export class HostLists {
  /** Every list, in order. */
  readonly lists: (readonly string[])[] = [];
  /** Texts of the problems, in order. */
  readonly problems: string[] = [];
  /** Takes a problem: the option `onError`. */
  readonly onError = (error: MembershipError): void => {
    this.problems.push(error.message);
    this.#problems.next(error.message);
  };

  readonly #lists = new ReplaySubject<readonly string[]>(Infinity);
  readonly #problems = new ReplaySubject<string>(Infinity);
  #subscription: Subscription | undefined = undefined;

  subscribe(source: Observable<readonly string[]>): this {
    this.#subscription = source.subscribe({
      next: (list) => {
        this.lists.push(list);
        this.#lists.next(list);
      },
      error: (error: unknown) => {
        this.#lists.error(error);
      },
      complete: () => {
        this.#lists.error(new Error('A source of hosts never completes.'));
      },
    });
    return this;
  }

  /** Resolves with the first list that has exactly these hosts. */
  async is(...hosts: readonly string[]): Promise<void> {
    const wanted = JSON.stringify([...hosts].sort());
    await firstValueFrom(this.#lists.pipe(filter((list) => JSON.stringify(list) === wanted)));
  }

  /** Resolves when so many lists have come, from the beginning. */
  async count(lists: number): Promise<void> {
    await firstValueFrom(this.#lists.pipe(skip(lists - 1)));
  }

  /** Resolves with the first problem whose text matches. */
  problem(text: RegExp): Promise<string> {
    return firstValueFrom(this.#problems.pipe(filter((each) => text.test(each))));
  }

  stop(): void {
    this.#subscription?.unsubscribe();
  }
}
