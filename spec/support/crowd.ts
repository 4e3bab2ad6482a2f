import { concat, forkJoin, last, lastValueFrom, map } from 'rxjs';
import { duplex, type, unary, type Connection, type Handles } from '../../lib/index.js';

const increment = unary({ id: 50, name: 'increment', request: type<number>(), response: type<number>() });
const add = duplex({ id: 51, name: 'add', request: type<number>(), input: type<number>(), output: type<number>() });

/** Calls that are all open at once before the first one is answered. */
export class Crowd {
  /** Handlers that run, or ran. */
  entered = 0;
  readonly #size: number;
  readonly #expected: number;
  #open = (): void => undefined;
  // A Promise: a Subject takes long to forget each of so many subscribers.
  readonly #gate = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  /** `callers`: sides that call {@link callAll}. `size`: calls of each kind that one side makes. */
  constructor(callers: number, size: number) {
    this.#size = size;
    this.#expected = 2 * size * callers;
  }

  serve(handles: Handles): void {
    handles.handle(increment, async (value) => this.#answer(value + 1));
    handles.handle(add, (value, { input }) => concat(this.#answer(value), input.pipe(map((item) => value + item))));
  }

  /** Makes so many unary calls and streams with values of their own, and counts the right answers. */
  async callAll(connection: Connection): Promise<{ unary: number; duplex: number }> {
    const values = Array.from({ length: this.#size }, (_, index) => index);
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
