import { describe, expect, it } from '@jest/globals';
import stringWidth from 'string-width';
import { keyOf, nextView, rowsOf, screenOf, startView, type TopView } from '../../../lib/cli/output/top-screen.js';
import { withoutMonitor, type TopState } from '../../../lib/cli/output/top-state.js';

const stats = {
  callsOut: 1,
  callsIn: 2,
  openOut: 0,
  openIn: 1,
  bytesOut: 2_048,
  bytesIn: 0,
  creditStalls: 0,
  rtt: 1.5,
};
const host = (name: string, calls: number) => ({
  host: name,
  status: 'connected',
  since: 1_000,
  connects: 1,
  dials: 'local',
  stats: { ...stats, host: name, callsOut: calls },
});
const state = {
  info: { host: 'http://a', version: '1', uptime: 61_000, time: 61_000 },
  cluster: { local: 'http://a', hosts: [host('http://b', 1), host('http://c', 9)] },
  routes: [
    { route: 'get', side: 'handler', calls: 3, inFlight: 0, errors: { x: 1, y: 2 }, bytesOut: 1, bytesIn: 1 },
    { route: 'put', side: 'caller', calls: 5, inFlight: 1, errors: {}, bytesOut: 1, bytesIn: 1, p50: 1.25, p99: 3 },
  ],
  streams: {
    open: 1,
    stalled: 0,
    streams: [{ route: 'watch\u001b', side: 'handler', peer: 'tool', age: 5_000, itemsOut: 1, itemsIn: 0 }],
  },
} as unknown as TopState;
const after = (keys: readonly string[], from: TopView = startView): TopView =>
  keys.reduce((each, key) => nextView(each, key, state), from);

describe('screenOf', () => {
  it('has a title, the rows with the selected one marked, and the keys', () => {
    const lines = screenOf(state, startView, { columns: 200, rows: 24 }, 'ws://a');
    expect(lines[0]).toBe('ws://a  http://a  up 1m1s  hosts 2/2  streams 1 (0 stalled)');
    expect(lines[1]).toMatch(/^ {2}HOST +STATUS +SINCE +RTT/);
    expect(lines[2]).toMatch(/^> http:\/\/b +connected +1m0s +1\.5/);
    expect(lines[3]).toMatch(/^ {2}http:\/\/c/);
    expect(lines.at(-1)).toContain('q quit');
  });

  it('omits columns where the terminal is narrow, and keeps the names readable', () => {
    const routes = { ...state, routes: [{ ...state.routes[0]!, route: 'inventory/list' }] };
    const shown = (columns: number): string[] =>
      screenOf(routes, after(['2']), { columns, rows: 24 }, 'ws://a').slice(1, 3);
    expect(shown(60)).toStrictEqual([
      '  ROUTE           SIDE     CALLS  OPEN  ERRORS  P50 MS',
      '> inventory/list  handler      3     0       3       -',
    ]);
    expect(shown(24)).toStrictEqual(['  ROUTE           CALLS', '> inventory/list      3']);
  });

  it('says so where there is nothing to show', () => {
    const empty = { ...state, cluster: { ...state.cluster, hosts: [] }, routes: [] };
    const shown = (view: TopView): string => screenOf(empty, view, { columns: 60, rows: 24 }, 'ws://a')[1]!.trim();
    expect(shown(startView)).toBe('no other hosts');
    expect(shown(after(['2']))).toBe('no routes');
    expect(shown({ ...startView, filter: 'x' })).toBe('no hosts fit the filter');
    expect(shown({ ...startView, detail: 'http://b' })).toBe('HOST  gone');
  });

  it.each([
    [20, 8],
    [40, 5],
    [9, 3],
    [80, 24],
  ])('fits a terminal of %i columns and %i rows', (columns, rows) => {
    for (const kind of ['hosts', 'routes', 'streams'] as const) {
      const lines = screenOf(state, { ...startView, kind }, { columns, rows }, 'ws://a');
      expect(lines.length).toBeLessThanOrEqual(Math.max(3, rows));
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    }
  });

  it('shows no control characters of the host', () => {
    expect(screenOf(state, { ...startView, kind: 'streams' }, { columns: 200, rows: 24 }, 'x').join('')).toContain(
      'watch\\u001b',
    );
  });
});

it('omits only the routes of the monitor and their streams', () => {
  const stream = { internal: true, side: 'handler', peer: 'leaf', age: 1, itemsOut: 1, itemsIn: 0, stalledFor: 5 };
  const streams = [
    { ...stream, route: 'monitor/cluster' },
    { ...stream, route: 'monitor/streams', stalledFor: undefined },
    { ...stream, route: 'monitor/cluster', side: 'caller' },
    { ...stream, route: 'monitor/of-a-user' },
    { ...stream, route: 'monitor/cluster', internal: undefined },
  ];
  const routes = streams.map(({ internal, route, side }) => ({ ...state.routes[0]!, internal, route, side }));
  const all = { ...state, routes, streams: { open: 9, stalled: 8, streams } } as unknown as TopState;
  const shown = withoutMonitor(all);
  expect([shown.routes, shown.streams]).toStrictEqual([
    routes.slice(2),
    { open: 7, stalled: 7, streams: streams.slice(2) },
  ]);
});

describe('keys', () => {
  it('are characters and arrows', () => {
    expect(keyOf('a\u001b[A\u001b[Bé\u001b[C\u001b')).toStrictEqual(['a', 'up', 'down', 'é', '\u001b']);
  });

  it('change the table, its order and its filter', () => {
    expect(after(['2']).kind).toBe('routes');
    const byCalls = after(['s', 's', 's', 's']);
    expect(rowsOf(state, byCalls).rows.map(([name]) => name)).toStrictEqual(['http://c', 'http://b']);
    const filtered = after(['/', 'B', 'x', '\u007f', '\r']);
    expect(filtered).toMatchObject({ filter: 'B', typing: false });
    expect(rowsOf(state, filtered).rows.map(([name]) => name)).toStrictEqual(['http://b']);
    expect(after(['\u001b'], filtered).filter).toBe('');
    // While a filter is typed, keys are its letters.
    expect(after(['/', '2', ' ', 'q'])).toMatchObject({ kind: 'hosts', filter: '2 q', paused: false });
  });

  it('move within the rows, show the details of a host, and pause', () => {
    expect(after(['j', 'down', 'j']).selected).toBe(1);
    expect(after(['up']).selected).toBe(0);
    const detail = after(['j', '\r']);
    expect(detail.detail).toBe('http://c');
    expect(screenOf(state, detail, { columns: 80, rows: 24 }, 'x').join('\n')).toMatch(/callsOut +9/);
    expect(after(['\u001b'], detail).detail).toBeUndefined();
    expect(after([' ']).paused).toBe(true);
  });
});
