// Beside a host in Go, which the testing kit plays, in memory. `node examples/12-beside-a-go-host.mjs`
// Such a host speaks the protocol without the extensions of rxgrid; a real one is dialed in the same way.
import { duplex, raw, unary } from 'rxgrid';
import { gridTest } from 'rxgrid/testing';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';

// #region contract
/** What a Go host supports: ids instead of names, bytes, and windows that both sides declare. */
const echo = unary({ id: 9, name: 'echo', request: raw, response: raw });
const numbers = duplex({ id: 22, name: 'numbers', request: raw, output: raw, outCapacity: 4 });
/** A route without an id is addressed by its name, which only rxgrid hosts support. */
const named = unary({ name: 'named', request: raw, response: raw });
// #endregion

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const textOf = (/** @type {Uint8Array} */ payload) => new TextDecoder().decode(payload);

await gridTest(async ({ cluster }) => {
  const grid = cluster({ hosts: ['rx', 'go'], peers: { go: 'reference' } });
  const go = grid.host('go');
  go.handle(echo, (payload) => payload);
  go.handle(numbers, function* () {
    for (let n = 0; n < 10; n++) yield bytes(String(n));
  });
  await grid.connected();

  const host = grid.host('rx').connection('go');
  console.log(textOf(await firstValueFrom(host.request(echo, bytes('hello')))));
  const items = await lastValueFrom(host.stream(numbers, bytes('')).pipe(toArray()));
  console.log(items.map(textOf).join(' '));
  const refused = await firstValueFrom(host.request(named, bytes(''))).catch((error) => error);
  console.log(refused.name);
});

/* prints
hello
0 1 2 3 4 5 6 7 8 9
RefusedError
*/
