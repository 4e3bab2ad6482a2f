import { html, type TemplateResult } from 'lit-html';
import { byName, bytes, count, ms, rate } from '../parts/format.js';
import type { Page } from '../page.js';
import { figure } from '../parts/parts.js';
import type { RouteRate } from '../model/route-rates.js';
import { sparkline } from '../parts/sparkline.js';
import { codesOf } from './summary.js';
import { table, type Column } from '../parts/table.js';
import { hostColumn, routeColumn } from './columns.js';

const routeColumns: readonly Column<RouteRate>[] = [
  routeColumn,
  hostColumn(14),
  {
    key: 'side',
    label: 'Side',
    title: 'handler: calls that the host serves. caller: calls that it makes',
    width: 12,
    cell: ({ side, kind }) =>
      figure(
        kind === 'duplex' ? `${side}, stream` : side,
        kind === 'duplex' ? 'a stream' : 'one request, one response',
      ),
    value: ({ side, kind }) => `${side} ${kind}`,
  },
  {
    key: 'calls',
    label: 'Calls/s',
    title: 'Calls per second',
    width: 8,
    cell: ({ calls, totalCalls }) => figure(rate(calls), `${totalCalls} calls since the start`),
    value: ({ calls }) => calls,
    figure: true,
  },
  {
    key: 'p50',
    label: 'p50',
    title: 'Half of the calls of the last minute took no longer',
    width: 8,
    cell: ({ p50 }) => figure(ms(p50), 'half of the calls of the last minute took no longer'),
    value: ({ p50 }) => p50,
    figure: true,
  },
  {
    key: 'p95',
    label: 'p95',
    title: 'Of 100 calls of the last minute, 95 took no longer',
    width: 8,
    cell: ({ p95 }) => figure(ms(p95), 'of 100 calls of the last minute, 95 took no longer'),
    value: ({ p95 }) => p95,
    figure: true,
  },
  {
    key: 'p99',
    label: 'p99',
    title: 'Of 100 calls of the last minute, 99 took no longer',
    width: 8,
    cell: ({ p99 }) => figure(ms(p99), 'of 100 calls of the last minute, 99 took no longer'),
    value: ({ p99 }) => p99,
    figure: true,
  },
  {
    key: 'errors',
    label: 'Errors',
    title: 'Calls that failed, by their codes, since the start',
    width: 13,
    cell: (row) =>
      html`<span
        class=${`name ${(row.errors ?? 0) > 0 ? 'bad' : ''}`}
        title=${`${codesOf(row)} since the start; now ${rate(row.errors)} per second`}
        >${row.totalErrors === 0 ? '0' : codesOf(row)}</span
      >`,
    value: ({ totalErrors }) => totalErrors,
    figure: true,
  },
  {
    key: 'inFlight',
    label: 'In flight',
    title: 'Calls that have not ended',
    width: 8,
    cell: ({ inFlight }) => figure(count(inFlight), 'calls that have not ended'),
    value: ({ inFlight }) => inFlight,
    figure: true,
  },
  {
    key: 'bytes',
    label: 'Bytes/s',
    title: 'Payload bytes per second, in both directions',
    width: 9,
    cell: (row) =>
      figure(row.bytes === undefined ? '–' : `${bytes(row.bytes)}/s`, 'payload bytes per second, in both directions'),
    value: (row) => row.bytes,
    figure: true,
  },
  {
    key: 'history',
    label: 'Last minute',
    title: 'Calls per second in the last minute',
    width: 10,
    cell: ({ history }) => sparkline(history, 60, { least: 1 }),
  },
];

const columnsOfHost = routeColumns.filter(({ key }) => key !== 'host');

/** The table of routes, by host and side. */
export function routesTable(page: Page, rows: readonly RouteRate[], withHost = true): TemplateResult {
  return table(page, {
    name: withHost ? 'routes' : 'host-routes',
    label: 'Routes',
    columns: withHost ? routeColumns : columnsOfHost,
    rows,
    keyOf: ({ host, side, kind, route }) => `${host}\n${side}\n${kind}\n${route}`,
    textOf: ({ host, side, kind, route, errorsByCode }) =>
      `${route} ${host} ${side} ${kind} ${Object.keys(errorsByCode).join(' ')}`,
    empty: 'No route has been called yet.',
    order: (left, right) =>
      (right.totalCalls > 0 ? 1 : 0) - (left.totalCalls > 0 ? 1 : 0) ||
      (right.side === 'handler' ? 1 : 0) - (left.side === 'handler' ? 1 : 0) ||
      byName(left.route, right.route) ||
      byName(left.host, right.host),
    least: 960,
  });
}
