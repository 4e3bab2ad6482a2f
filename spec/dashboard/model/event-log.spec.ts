import { describe, expect, it } from '@jest/globals';
import { EventLog } from '../../../lib/dashboard/model/event-log.js';
import type { MonitorEvents } from '../../../lib/monitor/index.js';

const batch = (...times: number[]): MonitorEvents => ({
  missed: 0,
  events: times.map((at) => ({
    at,
    event: { type: 'limit', host: 'http://c', limit: 'maxMessageBytes', message: `at ${at}` },
  })),
});

describe('the events of a page', () => {
  it('are ordered by time, although a host sends its backlog when the page connects', () => {
    const log = new EventLog();
    log.add('a', batch(10, 30, 50), true);
    log.add('b', batch(20, 40), true);
    log.add('a', batch(60), false);
    expect(log.events.map(({ host, at }) => `${host}${at}`)).toStrictEqual(['a10', 'b20', 'a30', 'b40', 'a50', 'a60']);
    expect(log.total).toBe(6);
  });

  it('are added once, when a host sends them again after a reconnect', () => {
    const log = new EventLog();
    log.add('a', batch(10, 30), true);
    log.add('a', batch(10, 30, 50), true);
    expect(log.events.map(({ at }) => at)).toStrictEqual([10, 30, 50]);
  });

  it('are limited to the newest thousand', () => {
    const log = new EventLog();
    log.add('a', batch(...Array.from({ length: 900 }, (_, index) => 1_000 + index)), true);
    log.add('b', batch(...Array.from({ length: 200 }, (_, index) => index)), true);
    expect([log.events.length, log.events[0]!.at, log.events.at(-1)!.at]).toStrictEqual([1_000, 100, 1_899]);
  });
});
