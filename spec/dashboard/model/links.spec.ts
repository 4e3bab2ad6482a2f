import { describe, expect, it } from '@jest/globals';
import { mergeLinks, reportedLinks } from '../../../lib/dashboard/model/links.js';
import type { MonitoredHost } from '../../../lib/monitor/index.js';

const connected = (host: string): MonitoredHost => ({
  host,
  status: 'connected',
  since: 1,
  connects: 1,
  dials: 'local',
  stats: undefined,
});
const lost = (host: string): MonitoredHost => ({
  host,
  status: 'back-off',
  since: 2,
  connects: 1,
  dials: 'remote',
  stats: undefined,
});
const reportOf = (local: string, hosts: MonitoredHost[]): ReturnType<typeof reportedLinks> =>
  reportedLinks(local, { local, hosts }, (host) => (host === 'b' ? 7 : undefined));

describe('the connections that hosts report', () => {
  it('names the host that dialed, and the bytes per second', () => {
    expect(reportOf('a', [connected('b'), lost('c')])).toMatchObject([
      { from: 'a', to: 'b', dialer: 'a', bytes: 7 },
      { from: 'a', to: 'c', dialer: 'c', bytes: undefined },
    ]);
  });

  it('are merged: each is there once, as the end reports it that has lost the other', () => {
    const links = mergeLinks([
      reportOf('a', [connected('b'), connected('c')]),
      reportOf('b', [lost('a'), connected('c')]),
      reportOf('c', [connected('a'), connected('b')]),
    ]);
    expect(links.map(({ from, to, status }) => `${from} ${to} ${status}`).sort()).toStrictEqual([
      'a c connected',
      'b a back-off',
      'b c connected',
    ]);
  });
});
