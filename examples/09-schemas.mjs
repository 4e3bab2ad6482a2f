// Validated values: zod, valibot, arktype. `node examples/09-schemas.mjs`
import { type as arktype } from 'arktype';
import { InvalidArgumentError, unary } from 'rxgrid';
import { firstValueFrom } from 'rxjs';
import * as v from 'valibot';
import { z } from 'zod';
import { twoHosts } from './two-hosts.mjs';

// #region contracts
// Any library with Standard Schema works. The types of both sides are those of the schema.
const withZod = unary({ name: 'zod', request: z.object({ age: z.number().min(0) }), response: z.string() });
const withValibot = unary({
  name: 'valibot',
  request: v.object({ age: v.pipe(v.number(), v.minValue(0)) }),
  response: v.string(),
});
const withArktype = unary({ name: 'arktype', request: arktype({ age: 'number >= 0' }), response: arktype('string') });
// #endregion
const contracts = [withZod, withValibot, withArktype];

const { connection, close } = await twoHosts(7917, (host) => {
  for (const contract of contracts) host.handle(contract, ({ age }) => `${age} years`);
});

for (const contract of contracts) {
  console.log(contract.name, await firstValueFrom(connection.request(contract, { age: 7 })));
  // #region invalid
  const error = await firstValueFrom(connection.request(contract, { age: -1 })).catch((reason) => reason);
  console.log(
    error instanceof InvalidArgumentError,
    error.data.issues.map(({ path }) => path.join('.')),
  );
  // #endregion
}
await close();

/* prints
zod 7 years
true [ 'age' ]
valibot 7 years
true [ 'age' ]
arktype 7 years
true [ 'age' ]
*/
