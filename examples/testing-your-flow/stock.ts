import { filter, map, startWith, Subject } from 'rxjs';
import { duplex, type, unary, type Handles } from 'rxgrid';

/*
 * A service of your own: shops reserve goods at the warehouse, and watch what is left.
 */

/** What is left of one item. */
export interface Level {
  readonly item: string;
  readonly left: number;
}

/** Reserves goods; fails where too few are left. */
export const reserve = unary({
  id: 1,
  name: 'reserve',
  request: type<{ item: string; count: number }>(),
  response: type<Level>(),
});

/** What is left of an item: now, and after each change. */
export const watchLevel = duplex({ id: 2, name: 'watchLevel', request: type<string>(), output: type<Level>() });

/** Registers the handlers of the warehouse. */
export function serveStock(host: Handles, levels: Map<string, number>): void {
  const changes = new Subject<string>();
  const levelOf = (item: string): Level => ({ item, left: levels.get(item) ?? 0 });
  host.handle(reserve, async ({ item, count }) => {
    // The robot looks into the box.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { left } = levelOf(item);
    if (count > left) throw new Error(`Only ${left} of ${item} are left.`);
    levels.set(item, left - count);
    changes.next(item);
    return levelOf(item);
  });
  host.handle(watchLevel, (item) =>
    changes.pipe(
      filter((changed) => changed === item),
      startWith(item),
      map(levelOf),
    ),
  );
}
