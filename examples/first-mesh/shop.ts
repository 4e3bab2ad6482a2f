// shop.ts: a group of routes, and an error of its own
import { defineError, GridError, group, type, unary, type Connection, type Handles } from 'rxgrid';
import { catchError, EMPTY, type Observable } from 'rxjs';

export const SoldOut = defineError('sold-out', { data: type<{ left: number }>() });

/** Each route is named after the group and its key: `shop.reserve`, `shop.left`. */
export const shop = group('shop', {
  reserve: unary({ request: type<{ item: string; count: number }>(), response: type<number>(), errors: [SoldOut] }),
  left: unary({ request: type<string>(), response: type<number>(), idempotent: true, timeout: 500 }),
});

export function serveShop(host: Handles, stock: Map<string, number>): void {
  host.handleAll(shop, {
    left: (item) => stock.get(item) ?? 0,
    reserve: ({ item, count }) => {
      const left = stock.get(item) ?? 0;
      if (count > left) throw new SoldOut(`Not enough of ${item}.`, { left });
      stock.set(item, left - count);
      return left - count;
    },
  });
}

/** Reserves one item; emits how many are left, or nothing if that failed. */
export function reserveOne(host: Connection, item: string): Observable<number> {
  const call = host.api(shop).reserve({ item, count: 1 }, { timeout: 2_000 });
  return call.pipe(
    catchError((error: unknown) => {
      if (error instanceof SoldOut) console.warn(`Only ${error.data.left} are left.`);
      else if (error instanceof GridError) console.warn(error.code, error.message);
      else throw error;
      return EMPTY;
    }),
  );
}
