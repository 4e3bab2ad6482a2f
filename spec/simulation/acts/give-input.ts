import { end } from './ended.js';
import type { oddSink } from './odd-routes.js';
import type { OddContext } from './oddity.js';

/** Calls a route that leaves most of its input untaken, and expects that the input was given all the same. */
export async function giveInput(
  { connection, expect }: Pick<OddContext, 'connection' | 'expect'>,
  route: typeof oddSink,
  items: number,
): Promise<void> {
  let given = 0;
  function* input(): Generator<Uint8Array> {
    for (; given < items; given++) yield Uint8Array.of(1, 2, 3);
  }
  const { code } = await end(connection.exchange(route, undefined, () => input()));
  // What is not taken returns its credit, so that the rest comes.
  expect(code !== 'completed' || given === items, `${given} items of the input came`);
}
