import { firstValueFrom, type Subscription } from 'rxjs';
import { resumable, retryOnDisconnect } from '../../../lib/index.js';
import { usualLimits } from '../limits.js';
import { sleep } from '../source.js';
import { end } from './ended.js';
import { counted } from './odd-contracts.js';
import { odd, oddStream } from './odd-routes.js';
import type { OddContext } from './oddity.js';

/** Ms in which a request has arrived, on a line that is not slow. */
const arrived = 120;
/** Ms in which two hosts are connected again after a cut. */
const reconnected = 8_000;

function cut({ cluster, from, to, breaks }: OddContext): void {
  breaks(to);
  cluster.host(from).cable(to).cut('cut by an unusual call');
}

/** Calls that see their connection break, or break it, and those that end many at once. */
export const lossCalls: Readonly<Record<string, (context: OddContext) => Promise<void>>> = {
  async 'a call that was sent is not repeated'(context) {
    const { connection, id, runs, expect } = context;
    await connection.ready();
    const ended = end(connection.request(counted, id).pipe(retryOnDisconnect()));
    await sleep(arrived);
    cut(context);
    const { code } = await ended;
    expect(code === 'disconnected' || runs.get(id) === undefined, `it ended as ${code}`);
    await sleep(reconnected);
    expect((runs.get(id) ?? 0) <= 1, `its handler ran ${String(runs.get(id))} times`);
  },
  async 'a call that may be repeated is'(context) {
    const { connection, id, expect } = context;
    await connection.ready();
    const ended = end(connection.request(counted, id).pipe(retryOnDisconnect({ idempotent: true })));
    await sleep(arrived);
    cut(context);
    const { items, code } = await ended;
    expect(items.length === 1, code);
  },
  async 'a stream that is resumed'(context) {
    const { connection, expect } = context;
    await connection.ready();
    let opened = 0;
    const open = (): ReturnType<typeof connection.stream> => {
      opened++;
      return connection.stream(oddStream, opened === 1 ? 'multicast' : 'numbers');
    };
    const ended = end(resumable(open, { from: () => undefined }));
    // Within the items of the first one.
    await sleep(1);
    cut(context);
    const { items, code } = await ended;
    expect(code === 'completed' && items.length >= 5, `${items.length} items, ${code}`);
  },
  async 'a connection to itself that is flooded'({ cluster, from, breaks, expect }) {
    const own = cluster.host(from).connection(from);
    breaks(from);
    const most = usualLimits.maxOpenMuxes - 50;
    for (let made = 0; made <= usualLimits.maxCancelsPerSecond; made += most) {
      const calls: Subscription[] = [];
      for (let count = 0; count < most; count++) {
        calls.push(own.request(odd, 'no end').subscribe({ error: () => undefined }));
      }
      await sleep(5);
      for (const call of calls) call.unsubscribe();
      await sleep(5);
    }
    await sleep(50);
    const { code } = await end(own.request(odd, 'fine', { timeout: 2_000 }));
    expect(code === 'completed', `a call to itself afterwards: ${code}`);
  },
  async 'calls that share a deadline'({ connection, clock, expect }) {
    await connection.ready();
    const began = clock.elapsed;
    const timeout = 400;
    const ended: (number | undefined)[] = [];
    const calls = Array.from({ length: 9 }, (_, index) =>
      connection.request(odd, 'no end', { timeout }).subscribe({
        error: () => {
          ended[index] = clock.elapsed - began;
        },
      }),
    );
    await sleep(50);
    // Neighbours, the newer one first, and those at the ends.
    for (const index of [5, 4, 8, 0]) calls[index]!.unsubscribe();
    await sleep(timeout);
    for (const index of [1, 2, 3, 6, 7]) {
      const at = ended[index];
      expect(at !== undefined && at >= timeout - 10, `call ${index} ended after ${String(at)} ms of ${timeout}`);
    }
  },
  async 'calls with hardly any time'({ connection }) {
    await connection.ready();
    // The handlers look whether they begin in time. In one message each time, so that some wait while others are read.
    for (let turn = 0; turn < 30; turn++) {
      const calls = Array.from({ length: 8 }, () => end(connection.request(odd, 'in time', { timeout: 8 })));
      const streams = Array.from({ length: 4 }, () => end(connection.stream(oddStream, 'numbers', { timeout: 8 })));
      await Promise.all([...calls, ...streams]);
    }
  },
  async 'a wait that is longer than any timer'({ connection, expect }) {
    const abort = new AbortController();
    const call = end(
      connection.request(odd, 'fine', { waitForConnect: 2 ** 32, signal: abort.signal, timeout: 20_000 }),
    );
    const { code } = await call;
    expect(code === 'completed', code);
    await firstValueFrom(connection.state$);
  },
};
