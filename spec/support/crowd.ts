import { concat, forkJoin, last, lastValueFrom, map } from 'rxjs';
import { duplex, type, unary, type Connection, type Handles } from '../../lib/index.js';

/** Calls of each kind that one side makes. */
export const crowdSize = 10_000;

const increment = unary({ id: 50, name: 'increment', request: type<number>(), response: type<number>() });
const add = duplex({ id: 51, name: 'add', request: type<number>(), input: type<number>(), output: type<number>() });

/** Calls that are all open at once before the first one is answered. */
export class Crowd {
  /** Handlers that run, or ran. */
  entered = 0;
  readonly #expected: number;
  #open = (): void => undefined;
  // A Promise: a Subject takes long to forget each of so many subscribers.
  readonly #gate = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  /** `callers`: sides that call {@link callAll}. */
  constructor(callers: number) {
    this.#expected = 2 * crowdSize * callers;
  }

  serve(handles: Handles): void {
    handles.handle(increment, async (value) => this.#answer(value + 1));
    handles.handle(add, (value, { input }) => concat(this.#answer(value), input.pipe(map((item) => value + item))));
  }

  /** Makes 10 000 unary calls and 10 000 streams with values of their own, and counts the right answers. */
  async callAll(connection: Connection): Promise<{ unary: number; duplex: number }> {
    const values = Array.from({ length: crowdSize }, (_, index) => index);
    const requests = values.map((value) => connection.request(increment, value).pipe(map((sum) => sum === value + 1)));
    const streams = values.map((value) =>
      connection.exchange(add, value, [1, 2, 2 * value]).pipe(
        last(),
        map((sum) => sum === 3 * value),
      ),
    );
    const answers = await lastValueFrom(forkJoin([forkJoin(requests), forkJoin(streams)]));
    const [unary, duplex] = answers.map((rights) => rights.filter(Boolean).length);
    return { unary: unary!, duplex: duplex! };
  }

  // Answers when all calls have come.
  async #answer(value: number): Promise<number> {
    if (++this.entered === this.#expected) this.#open();
    await this.#gate;
    return value;
  }
}
