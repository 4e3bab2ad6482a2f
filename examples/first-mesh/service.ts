// service.ts: the contract, which callers import, and its handlers
import { duplex, type, unary, type Handles } from 'rxgrid';

/** One request, one response. */
export const add = unary({ name: 'add', request: type<{ a: number; b: number }>(), response: type<number>() });

/** One request, and a stream of items. */
export const count = duplex({ name: 'count', request: type<{ to: number }>(), output: type<number>() });

export function serve(host: Handles): void {
  host.handle(add, ({ a, b }) => a + b);
  host.handle(count, function* ({ to }) {
    for (let n = 1; n <= to; n++) yield n; // runs only as far ahead as the caller has room
  });
}
