// Interceptors of calls and of handlers. `node examples/interceptors/main.mjs`
import { firstValueFrom } from 'rxjs';
import { PermissionDeniedError, staticToken, type, unary, UnavailableError } from 'rxgrid';
import { concurrency, log, retry, timeout } from 'rxgrid/interceptors';
import { Manager } from 'rxgrid/node';

const price = unary({ id: 1, name: 'price', request: type(), response: type(), idempotent: true });
const secret = unary({ id: 2, name: 'secret', response: type() });

// #region own
/** Adds the tenant to every call of this process. */
const addTenant = (call, next) => next({ ...call, meta: { ...call.meta, tenant: 'acme' } });

/** Serves callers of one tenant only. The error that an interceptor throws is the answer. */
const onlyFor = (tenant) => (call, next) => {
  if (call.meta.tenant !== tenant) throw new PermissionDeniedError(`${call.route.name} is not for you.`);
  return next(call);
};
// #endregion

const names = [7813, 7814].map((port) => `http://127.0.0.1:${port}`);
const common = { hosts: names, auth: staticToken('example') };
const print = ({ side, route, outcome, error }) =>
  console.log(`${side}: ${route} ${outcome}${error === undefined ? '' : ` (${error.code})`}`);

// #region use
const shop = new Manager({
  ...common,
  local: names[0],
  // A call passes them from left to right: `log` sees the result of all attempts, `timeout` bounds each of them.
  intercept: { calls: [log(print), addTenant, retry({ attempts: 3, backoff: 1 }), timeout(2_000)] },
});
const stock = new Manager({
  ...common,
  local: names[1],
  intercept: { handlers: [log(print), concurrency({ max: 100, queue: 50 })] },
});
// #endregion

let failures = 1;
stock.handle(price, (item) => {
  if (failures-- > 0) throw new UnavailableError('The price list is being loaded.');
  return `${item}: 5`;
});
// #region route
stock.handle(secret, () => 'the recipe', { intercept: [onlyFor('umbrella')] });
// #endregion

await Promise.all([shop, stock].map((host) => host.listen()));
const host = shop.connection(stock.local);
await host.ready();
console.log(await firstValueFrom(host.request(price, 'tea')));
await firstValueFrom(host.request(secret)).catch((error) => console.log(error.code));
await Promise.all([shop, stock].map((each) => each.close()));
