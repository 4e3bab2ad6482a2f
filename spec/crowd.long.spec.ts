import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import type { Connection } from '../lib/index.js';
import { Crowd } from './support/crowd.js';
import { linkedPair } from './support/linked-managers.js';
import { RealGrid, until } from './support/real-grid.js';

let close: () => Promise<void>;
afterEach(async () => {
  await close();
});

const crowdSize = 10_000;
const right = { unary: crowdSize, duplex: crowdSize };
const openCalls = async (connection: Connection): Promise<unknown> => {
  const { openIn, openOut } = await firstValueFrom(connection.stats$);
  return { openIn, openOut };
};

describe('10 000 unary calls and 10 000 streams at once, in each direction of one connection', () => {
  it('are all answered correctly, in memory', async () => {
    const crowd = new Crowd(2, crowdSize);
    const { grid, ab, ba } = await linkedPair(({ a, b }) => {
      crowd.serve(a);
      crowd.serve(b);
    });
    close = () => grid.close();
    expect(await Promise.all([crowd.callAll(ab), crowd.callAll(ba)])).toStrictEqual([right, right]);
    expect(crowd.entered).toBe(4 * crowdSize);
    expect(await openCalls(ab)).toStrictEqual({ openIn: 0, openOut: 0 });
  });

  it('are all answered correctly, over the loopback', async () => {
    const crowd = new Crowd(1, crowdSize);
    // On real time: after many messages the two ends leave the event loop a turn.
    const real = new RealGrid();
    close = () => real.close();
    const [a] = await real.pair();
    crowd.serve(a);
    const connection = a.connection(a.local);
    await until(connection, 'connected');
    expect(await crowd.callAll(connection)).toStrictEqual(right);
  });

  it('are all answered correctly, on real sockets', async () => {
    const crowd = new Crowd(2, crowdSize);
    const real = new RealGrid();
    close = () => real.close();
    const [a, b] = await real.pair();
    for (const manager of [a, b]) crowd.serve(manager);
    const connections = [a.connection(b.local), b.connection(a.local)];
    await Promise.all(connections.map(async (connection) => until(connection, 'connected')));
    const results = connections.map(async (connection) => crowd.callAll(connection));
    expect(await Promise.all(results)).toStrictEqual([right, right]);
    expect(crowd.entered).toBe(4 * crowdSize);
  });
});
