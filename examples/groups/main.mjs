// Routes that belong together: one service, served by one object. `node examples/groups/main.mjs`
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { duplex, group, staticToken, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { z } from 'zod';

// #region contract
/** Routes without a name are named after the group and their key: `store.put`. */
const store = group('store', {
  put: unary({ request: z.object({ key: z.string(), value: z.string() }) }),
  get: unary({ request: z.string(), response: z.string().nullable(), idempotent: true }),
  keys: duplex({ output: z.string() }),
});
// #endregion

// #region handlers
class Store {
  #values = new Map();

  put({ key, value }) {
    this.#values.set(key, value);
  }

  get(key) {
    return this.#values.get(key) ?? null;
  }

  keys() {
    return this.#values.keys();
  }
}
// #endregion

const names = [7815, 7816].map((port) => `http://127.0.0.1:${port}`);
const [caller, server] = names.map((local) => new Manager({ local, hosts: names, auth: staticToken('example') }));

// #region serve
const registration = server.handleAll(store, new Store());
// #endregion

await Promise.all([caller, server].map((host) => host.listen()));
const connection = caller.connection(server.local);
await connection.ready();

// #region call
const remote = connection.api(store);
await firstValueFrom(remote.put({ key: 'tea', value: 'green' }));
console.log(await firstValueFrom(remote.get('tea')));
console.log(await lastValueFrom(remote.keys().pipe(toArray())));
// #endregion

// #region replace
registration.replace(new Store());
console.log(await firstValueFrom(remote.get('tea')));
registration.remove();
// #endregion
await firstValueFrom(remote.get('tea')).catch((error) => console.log(error.code));
await Promise.all([caller, server].map((host) => host.close()));
