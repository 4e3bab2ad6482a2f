// Errors that cross the wire. `node examples/errors/main.mjs`
import { firstValueFrom } from 'rxjs';
import { defineError, GridError, InvalidArgumentError, staticToken, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { z } from 'zod';

// #region contract
/** The stock is too low for the request. Both sides import the class with the contract. */
const SoldOut = defineError('sold-out', { data: type(/** @type {{ left: number }} */ ({})) });

const reserve = unary({
  id: 1,
  name: 'reserve',
  request: z.object({ item: z.string(), count: z.number() }),
  response: z.number(),
  errors: [SoldOut],
});
// #endregion

const names = [7811, 7812].map((port) => `http://127.0.0.1:${port}`);
const [shop, stock] = names.map((local) => new Manager({ local, hosts: names, auth: staticToken('example') }));
const shelf = new Map([['tea', 3]]);

// #region handler
stock.handle(reserve, ({ item, count }) => {
  const left = shelf.get(item) ?? 0;
  if (left < count) throw new SoldOut(`There is not enough ${item}.`, { left });
  shelf.set(item, left - count);
  return left - count;
});
// #endregion

// #region caller
async function order(/** @type {{ item: string, count: number }} */ request) {
  try {
    const left = await firstValueFrom(shop.connection(stock.local).request(reserve, request));
    return `ordered, ${left} left`;
  } catch (error) {
    if (error instanceof SoldOut) return `refused, ${error.data.left} left`;
    if (error instanceof InvalidArgumentError) return `wrong: ${error.data.issues.map(({ path }) => path.join('.'))}`;
    if (error instanceof GridError) return `${error.code}: retryable ${error.retryable}, sent ${error.sent}`;
    throw error;
  }
}
// #endregion

await shop.listen();
console.log(await order({ item: 'tea', count: 1 }));
await stock.listen();
await shop.connection(stock.local).ready();
console.log(await order({ item: 'tea', count: 2 }));
console.log(await order({ item: 'tea', count: 2 }));
console.log(await order({ item: 'tea', count: 'two' }));
await Promise.all([shop, stock].map((host) => host.close()));
