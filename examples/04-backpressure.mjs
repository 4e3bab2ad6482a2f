// A fast producer waits for a slow consumer. `node examples/04-backpressure.mjs`
import { consume, duplex, type } from 'rxgrid';
import { concatMap, lastValueFrom, map, take, tap, timer } from 'rxjs';
import { twoHosts } from './two-hosts.mjs';

// A window of 4: at most four items are in flight. Without this option it grows while the consumer keeps up.
const numbers = duplex({ name: 'numbers', output: type(/** @type {number} */ (0)), outCapacity: 4 });
let produced = 0;

const { connection, close } = await twoHosts(7907, (host) => {
  host.handle(numbers, function* () {
    while (produced < 10_000) yield produced++;
  });
});

/** Consumes 20 items, 2 ms each; returns the largest lead of the producer, in items. */
async function ahead(operator) {
  let most = 0;
  produced = 0;
  const counted$ = connection.stream(numbers).pipe(
    operator,
    tap((n) => (most = Math.max(most, produced - n))),
    take(20),
  );
  await lastValueFrom(counted$);
  return most;
}

// #region consume
const work = (n) => timer(2).pipe(map(() => n)); // stands for a write to a database
console.log('consume: at most window + 1 ahead:', (await ahead(consume(work))) <= 5); // credit returns when the work is done
// #endregion
const without = await ahead(concatMap(work)); // credit returns when concatMap has put the item into its queue
console.log('concatMap: more than a hundred ahead:', without > 100);
await close();

/* prints
consume: at most window + 1 ahead: true
concatMap: more than a hundred ahead: true
*/
