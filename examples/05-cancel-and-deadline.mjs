// Unsubscribing cancels the handler; deadlines travel. `node examples/05-cancel-and-deadline.mjs`
import { DeadlineExceededError, duplex, type, unary } from 'rxgrid';
import { firstValueFrom, lastValueFrom, NEVER, ReplaySubject, skip, take } from 'rxjs';
import { twoHosts } from './two-hosts.mjs';

const text = type(/** @type {string} */ (''));
const slow = unary({ name: 'slow', response: text });
const ticks = duplex({ name: 'ticks', output: text });
const [started, aborted] = [new ReplaySubject(), new ReplaySubject()];
const nthOf = (subject, n) => firstValueFrom(subject.pipe(skip(n)));

const { connection, close } = await twoHosts(7909, (host) => {
  // #region handlers
  host.handle(slow, (_, call) => {
    started.next();
    call.signal.addEventListener('abort', () => aborted.next(call.signal.reason.code));
    return NEVER; // a real handler passes the signal on: fetch(url, { signal: call.signal })
  });
  host.handle(ticks, async function* (_, call) {
    try {
      for (;;) yield 'tick';
    } finally {
      aborted.next(`the generator was ended, aborted: ${call.signal.aborted}`);
    }
  });
  // #endregion
});

// #region deadline
const error = await firstValueFrom(connection.request(slow, undefined, { timeout: 50 })).catch((reason) => reason);
console.log(error instanceof DeadlineExceededError);
console.log('handler:', await nthOf(aborted, 0)); // the handler has the deadline of the caller
// #endregion

// #region cancel
await lastValueFrom(connection.stream(ticks).pipe(take(2))); // `take` unsubscribes
console.log('handler:', await nthOf(aborted, 1));
const controller = new AbortController(); // for code that has no subscription
connection
  .request(slow, undefined, { signal: controller.signal })
  .subscribe({ error: ({ name }) => console.log(name) });
// #endregion
await nthOf(started, 1);
controller.abort();
console.log('handler:', await nthOf(aborted, 2));
await close();

/* prints
true
handler: deadline-exceeded
handler: the generator was ended, aborted: true
AbortError
handler: cancelled
*/
