import type { MonitoredHost } from '../../monitor/index.js';
import { sizeText } from './progress-bar.js';
import { cellText } from './output.js';
import { cut, tableLines, type Column } from './table.js';
import type { TopState } from './top-state.js';

/** How the figures are shown: what the keys change. */
export interface TopView {
  readonly kind: 'hosts' | 'routes' | 'streams';
  /** Index of the column that sorts. */
  readonly sort: number;
  readonly filter: string;
  /** True while the user types the filter. */
  readonly typing: boolean;
  readonly paused: boolean;
  /** Index of the selected row. */
  readonly selected: number;
  /** Name of the host whose detail is shown. */
  readonly detail: string | undefined;
}

/** The view at the beginning. */
export const startView: TopView = {
  kind: 'hosts',
  sort: 0,
  filter: '',
  typing: false,
  paused: false,
  selected: 0,
  detail: undefined,
};

type Cell = string | number | undefined;

interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

const kinds = { 1: 'hosts', 2: 'routes', 3: 'streams' } as const;
const maxFilter = 64;

/** The keys of what a terminal in raw mode has sent: characters, and arrows as `up`, `down`. */
export function keyOf(text: string): string[] {
  const arrows: Readonly<Record<string, string>> = { '\u001b[A': 'up', '\u001b[B': 'down' };
  return (text.match(/\u001b\[[A-D]|[^]/gu) ?? []).flatMap(
    (key) => arrows[key] ?? (key.startsWith('\u001b[') ? [] : key),
  );
}

/** The view after a key. */
export function nextView(view: TopView, key: string, state: TopState | undefined): TopView {
  if (view.typing) return typed(view, key);
  const rows = state === undefined ? 0 : rowsOf(state, view).rows.length;
  const moved = (by: number): TopView => ({ ...view, selected: Math.max(0, Math.min(rows - 1, view.selected + by)) });
  switch (key) {
    case '1':
    case '2':
    case '3':
      return { ...view, kind: kinds[key], sort: 0, selected: 0, detail: undefined };
    case 's':
      return { ...view, sort: view.sort + 1 };
    case '/':
      return { ...view, typing: true };
    case ' ':
      return { ...view, paused: !view.paused };
    case 'j':
    case 'down':
      return moved(1);
    case 'k':
    case 'up':
      return moved(-1);
    case '\r':
    case '\n':
      return { ...view, detail: detailOf(view, state) };
    case '\u001b':
      return view.detail === undefined ? { ...view, filter: '' } : { ...view, detail: undefined };
    default:
      return view;
  }
}

function typed(view: TopView, key: string): TopView {
  if (key === '\r' || key === '\n') return { ...view, typing: false };
  if (key === '\u001b') return { ...view, typing: false, filter: '' };
  if (key === '\u007f' || key === '\b') return { ...view, filter: view.filter.slice(0, -1), selected: 0 };
  if (key.length > 2 || key < ' ') return view;
  return { ...view, filter: (view.filter + key).slice(0, maxFilter), selected: 0 };
}

function detailOf(view: TopView, state: TopState | undefined): string | undefined {
  if (view.kind !== 'hosts' || view.detail !== undefined || state === undefined) return undefined;
  const name = rowsOf(state, view).rows[view.selected]?.[0];
  return name === undefined ? undefined : String(name);
}

/** The lines of the screen: a title, the table, and the keys. Each is as wide as the terminal at the most. */
export function screenOf(
  state: TopState,
  view: TopView,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  name: string,
): string[] {
  const { cluster } = state;
  const title = titleOf(state, name);
  const table =
    view.detail === undefined ? rowsOf(state, view) : hostTable(cluster.hosts.find(({ host }) => host === view.detail));
  const marks =
    view.detail === undefined
      ? table.rows.map((_, index) => (index === view.selected ? '>' : ' '))
      : table.rows.map(() => ' ');
  const lines =
    table.rows.length === 0 && view.detail === undefined
      ? [view.filter === '' ? noRows(view.kind) : `no ${view.kind} fit the filter`]
      : tableLines(
          table.columns,
          table.rows.map((row) => row.map((cell) => cellText(cell))),
          Math.max(8, columns - 2),
        );
  // In a narrow terminal a row is several lines: marks would stand at the wrong ones.
  const isTable = lines.length === table.rows.length + 1;
  const marked = isTable
    ? lines.map((line, index) => `${index === 0 ? ' ' : (marks[index - 1] ?? ' ')} ${line}`)
    : lines;
  const room = Math.max(1, rows - 2);
  const first = isTable && view.selected + 2 > room ? view.selected + 2 - room : 0;
  const shown = first === 0 ? marked.slice(0, room) : [marked[0]!, ...marked.slice(first + 1, first + room)];
  return [title, ...shown, footOf(view, table)].map((line) => cut(line, columns));
}

function titleOf({ info, cluster, streams }: TopState, name: string): string {
  const connected = cluster.hosts.filter(({ status }) => status === 'connected').length;
  return `${name}  ${info.host}  up ${durationText(info.uptime)}  hosts ${String(connected)}/${String(cluster.hosts.length)}  streams ${String(streams.open)} (${String(streams.stalled)} stalled)`;
}

/**
 * The lines of a report: all tables below each other, without what is for keys. `width`: that of the terminal, if there
 * is one.
 */
export function reportOf(state: TopState, name: string, width: number | undefined): string[] {
  const title = titleOf(state, name);
  const tables = (['hosts', 'routes', 'streams'] as const).flatMap((kind) => {
    const { columns, rows } = rowsOf(state, { kind, sort: 0, filter: '' });
    if (rows.length === 0) return ['', noRows(kind)];
    const cells = rows.map((row) => row.map((cell) => cellText(cell)));
    return ['', ...tableLines(columns, cells, width)];
  });
  return [width === undefined ? title : cut(title, width), ...tables];
}

function noRows(kind: TopView['kind']): string {
  return kind === 'hosts' ? 'no other hosts' : `no ${kind}`;
}

function footOf({ typing, filter, paused, sort }: TopView, { columns }: Table): string {
  if (typing) return `filter: ${cellText(filter)}_`;
  const parts = [paused ? 'PAUSED' : '', filter === '' ? '' : `filter ${cellText(filter)}`];
  const by = columns[sort % Math.max(1, columns.length)]?.title ?? '';
  return [...parts, `sort ${by}`, '1 hosts 2 routes 3 streams s sort / filter space pause q quit']
    .filter((part) => part !== '')
    .join('  ');
}

/** The rows of a view: filtered and sorted, numbers from the largest. */
export function rowsOf(state: TopState, { kind, sort, filter }: Pick<TopView, 'kind' | 'sort' | 'filter'>): Table {
  const table = tables[kind](state);
  const by = sort % table.columns.length;
  const wanted = filter.toLowerCase();
  const rows = table.rows
    .filter(
      (row) => wanted === '' || row.some((cell) => typeof cell === 'string' && cell.toLowerCase().includes(wanted)),
    )
    .sort((left, right) => compare(left[by], right[by]));
  return {
    columns: table.columns,
    rows: rows.map((row) => row.map((cell, at) => shownCell(cell, table.columns[at]!.title))),
  };
}

function compare(left: Cell, right: Cell): number {
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : Number(left > right);
  return Number(right ?? -1) - Number(left ?? -1);
}

function shownCell(cell: Cell, title: string): string {
  if (cell === undefined) return '-';
  if (typeof cell === 'string') return cell;
  if (title.startsWith('BYTES')) return sizeText(cell);
  if (title === 'AGE' || title === 'SINCE') return durationText(cell);
  return Number.isInteger(cell) ? String(cell) : cell.toFixed(1);
}

const text = (title: string): Column => ({ title });
// Of a table that is too wide, the last columns are left out first.
const number = (title: string, leaves: number): Column => ({ title, right: true, leaves });

const tables: Readonly<Record<TopView['kind'], (state: TopState) => Table>> = {
  hosts: ({ info, cluster }) => ({
    columns: [
      text('HOST'),
      text('STATUS'),
      number('SINCE', 1),
      number('RTT MS', 2),
      number('CALLS', 3),
      number('OPEN', 4),
      number('BYTES OUT', 5),
      number('BYTES IN', 6),
      number('STALLS', 7),
    ],
    rows: cluster.hosts.map(({ host, status, since, stats }) => [
      host,
      status,
      Math.max(0, info.time - since),
      stats?.rtt,
      stats && stats.callsOut + stats.callsIn,
      stats && stats.openOut + stats.openIn,
      stats?.bytesOut,
      stats?.bytesIn,
      stats?.creditStalls,
    ]),
  }),
  routes: ({ routes }) => ({
    columns: [
      text('ROUTE'),
      { title: 'SIDE', leaves: 4 },
      number('CALLS', 1),
      number('OPEN', 2),
      number('ERRORS', 3),
      number('P50 MS', 4),
      number('P99 MS', 5),
      number('BYTES OUT', 6),
      number('BYTES IN', 7),
    ],
    rows: routes.map(({ route, side, calls, inFlight, errors, p50, p99, bytesOut, bytesIn }) => [
      route,
      side,
      calls,
      inFlight,
      Object.values(errors).reduce((sum, each) => sum + each, 0),
      p50,
      p99,
      bytesOut,
      bytesIn,
    ]),
  }),
  streams: ({ streams }) => ({
    columns: [
      text('ROUTE'),
      { title: 'SIDE', leaves: 4 },
      text('PEER'),
      number('AGE', 1),
      number('ITEMS OUT', 2),
      number('ITEMS IN', 3),
      number('STALLED MS', 4),
    ],
    rows: streams.streams.map(({ route, side, peer, age, itemsOut, itemsIn, stalledFor }) => [
      route,
      side,
      peer,
      age,
      itemsOut,
      itemsIn,
      stalledFor,
    ]),
  }),
};

function hostTable(host: MonitoredHost | undefined): Table {
  const columns = [text('HOST'), text(host?.host ?? 'gone')];
  if (host === undefined) return { columns, rows: [] };
  const { stats, error, ...others } = host;
  const rows = Object.entries({ ...others, ...(error === undefined ? {} : { error: error.message }), ...stats });
  return { columns, rows: rows.filter(([key]) => key !== 'host').map(([key, value]) => [key, cellText(value)]) };
}

function durationText(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1_000);
  if (seconds < 60) return `${String(seconds)}s`;
  if (seconds < 3_600) return `${String(Math.floor(seconds / 60))}m${String(seconds % 60)}s`;
  if (seconds < 86_400) return `${String(Math.floor(seconds / 3_600))}h${String(Math.floor((seconds % 3_600) / 60))}m`;
  return `${String(Math.floor(seconds / 86_400))}d${String(Math.floor((seconds % 86_400) / 3_600))}h`;
}
