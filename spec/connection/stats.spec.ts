import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, take, toArray } from 'rxjs';
import type { ConnectionStats } from '../../lib/connection/figures.js';
import { linkedSockets } from '../../lib/transport/memory-socket.js';
import { linkedPair } from '../support/protocol/links.js';

describe('the statistics', () => {
  it('count across reconnects', () => {
    const { runtime, a, b, sockets } = linkedPair();
    a.call();
    runtime.turn();
    const before = a.connection.stats;
    expect(before).toMatchObject({ host: 'http://b', callsOut: 1, callsIn: 0, openOut: 0, openIn: 0, queuedBytes: 0 });
    expect(b.connection.stats).toMatchObject({ callsOut: 0, callsIn: 1 });
    expect(before.bytesOut).toBeGreaterThan(before.messagesOut);
    sockets[1].outbound.error(new Error('cut'));
    expect(a.connection.stats).toStrictEqual({ ...before, rtt: undefined });
    for (const lose of [true, false]) {
      const [near, far] = linkedSockets();
      b.open(far);
      a.open(near);
      a.call();
      runtime.turn();
      if (lose) far.outbound.error(new Error('cut'));
    }
    // The second link replaces none, the third neither; one that does keeps the counts too.
    expect(a.connection.stats.callsOut).toBe(3);
    a.open(linkedSockets()[0]);
    expect(a.connection.stats.callsOut).toBe(3);
    expect(a.connection.stats.messagesIn).toBeGreaterThan(before.messagesIn);
  });

  it('are emitted at once and every second, until the close, without a timer while unobserved', () => {
    const { runtime, a } = linkedPair();
    const idle = runtime.scheduled;
    const received: ConnectionStats[] = [];
    let completed = false;
    const subscription = a.connection.stats$.subscribe((stats) => received.push(stats));
    a.connection.stats$.subscribe({ complete: () => (completed = true) });
    expect(received.length).toBe(1);
    runtime.advance(3_000);
    expect(received.length).toBe(4);
    expect(received.at(-1)!.rtt).toBe(0);
    subscription.unsubscribe();
    expect(runtime.scheduled).toBe(idle + 1);
    a.connection.close();
    expect(completed).toBe(true);
  });

  it('can be read once', async () => {
    const { runtime, a } = linkedPair();
    const idle = runtime.scheduled;
    expect(await firstValueFrom(a.connection.stats$.pipe(take(1), toArray()))).toHaveLength(1);
    expect(runtime.scheduled).toBe(idle);
    a.connection.close();
    expect(await firstValueFrom(a.connection.stats$.pipe(toArray()))).toHaveLength(1);
  });
});
