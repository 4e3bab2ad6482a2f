import { describe, expect, it } from '@jest/globals';
import { noMeter } from '../../lib/metrics/call-meter.js';
import { noStreamCounts, type MeteredStream } from '../../lib/metrics/open-streams.js';

describe('noMeter', () => {
  it('retains no stream, and returns what its users pass in', () => {
    const counts = { ...noStreamCounts, stalledSince: undefined, acknowledged: 0 };
    const stream: MeteredStream = {
      counts,
      credit: 0,
      sendEnded: true,
      receiveEnded: true,
      windowSize: undefined,
      held: 0,
    };
    const entry = noMeter.streams.add(stream, 'http://a', 5);
    expect(entry).toStrictEqual({ id: 0, stream, peer: 'http://a', openedAt: 5 });
    noMeter.streams.remove(entry);
  });

  it('gives each file its own count, because its sender adds to it', () => {
    const start = { direction: 'send', path: 'x', route: 'r', peer: 'p', total: 9, mode: undefined } as const;
    const [one, two] = [noMeter.transfers.begin(start, 0), noMeter.transfers.begin(start, 0)];
    one.moved += 5;
    one.end();
    expect([one.moved, two.moved]).toStrictEqual([5, 0]);
  });
});
