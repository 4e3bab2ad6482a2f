// Streams in both directions. `node examples/03-duplex.mjs`
import { duplex, sendTo, type } from 'rxgrid';
import { from, lastValueFrom, toArray } from 'rxjs';
import { twoHosts } from './two-hosts.mjs';

const words = type(/** @type {string} */ (''));
const shout = duplex({ name: 'shout', input: words, output: words });

const { connection, close } = await twoHosts(7905, (host) => {
  // #region handler
  host.handle(shout, async function* (_, call) {
    for await (const word of call.input) yield word.toUpperCase();
  });
  // #endregion
});

// #region exchange
// Cold: the input is subscribed, or iterated, for each call.
const loud$ = connection.exchange(shout, undefined, ['a', 'b']);
console.log(await lastValueFrom(loud$.pipe(toArray())));
// #endregion

// #region open
// Hot: one call, as an object that is an Observable and an Observer.
const stream = connection.open(shout);
from(['c', 'd']).pipe(sendTo(stream)).subscribe(); // waits for credit, and completes the input at the end
for await (const word of stream) console.log(word);
// #endregion
await close();

/* prints
[ 'A', 'B' ]
C
D
*/
