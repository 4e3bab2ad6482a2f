// Metadata: what a call carries beside its payload. `node examples/metadata/main.mjs`
import { firstValueFrom } from 'rxjs';
import { staticToken, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';

const order = unary({ id: 1, name: 'order', request: type(), response: type() });
const reserve = unary({ id: 2, name: 'reserve', request: type(), response: type() });

const names = [7817, 7818, 7819].map((port) => `http://127.0.0.1:${port}`);
const [page, shop, stock] = names.map((local) => new Manager({ local, hosts: names, auth: staticToken('example') }));

// #region handler
shop.handle(order, (item, call) => {
  console.log(`shop: ${JSON.stringify(call.meta)}`);
  // Metadata is not passed on by itself: the handler chooses what to pass on.
  const meta = { tenant: call.meta.tenant };
  return call.connection(stock.local).request(reserve, item, { meta });
});
// #endregion
stock.handle(reserve, (item, { meta }) => {
  console.log(`stock: ${JSON.stringify(meta)}`);
  return `${item} for ${meta.tenant}`;
});

await Promise.all([page, shop, stock].map((host) => host.listen()));
const connection = page.connection(shop.local);
await Promise.all([connection.ready(), shop.connection(stock.local).ready()]);

// #region caller
const options = { meta: { tenant: 'acme', language: 'en' } };
console.log(await firstValueFrom(connection.request(order, 'tea', options)));
// #endregion

const wrong = { meta: { tenant: 'line\nbreak' } };
await firstValueFrom(connection.request(order, 'tea', wrong)).catch((error) => console.log(error.code));
await Promise.all([page, shop, stock].map((host) => host.close()));
