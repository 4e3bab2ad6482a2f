import type { TemplateResult } from 'lit-html';
import { byName, dateTime, duration, ms, rate } from '../parts/format.js';
import { statusOrder } from '../model/host-status.js';
import type { HostRow } from '../model/model.js';
import type { Page } from '../page.js';
import { figure, hostLink, statusBadge, statusTexts } from '../parts/parts.js';
import { sparkline } from '../parts/sparkline.js';
import { table, type Column } from '../parts/table.js';

const hostColumns: readonly Column<HostRow>[] = [
  {
    key: 'host',
    label: 'Host',
    title: 'Name of the host',
    width: 20,
    cell: ({ name }) => hostLink(name),
    value: ({ name }) => name,
  },
  {
    key: 'status',
    label: 'Status',
    title: 'What the other hosts say of it',
    width: 11,
    cell: ({ status }) => statusBadge(status),
    value: ({ status }) => statusOrder.indexOf(status),
  },
  {
    key: 'for',
    label: 'For',
    title: 'How long it has had this status',
    width: 13,
    cell: (row) =>
      figure(duration(row.for), row.since === undefined ? 'since it was started' : `since ${dateTime(row.since)}`),
    value: (row) => row.for,
    figure: true,
  },
  {
    key: 'calls',
    label: 'Calls/s',
    title: 'Calls per second that its handlers serve',
    width: 9,
    cell: ({ calls, problem }) => figure(rate(calls), problem ?? 'calls per second that its handlers serve'),
    value: ({ calls }) => calls,
    figure: true,
  },
  {
    key: 'p99',
    label: 'p99',
    title: 'Of 100 unary calls of the last minute, 99 took no longer',
    width: 11,
    cell: ({ p99 }) => figure(ms(p99), 'of 100 unary calls of the last minute, 99 took no longer'),
    value: ({ p99 }) => p99,
    figure: true,
  },
  {
    key: 'errors',
    label: 'Errors/s',
    title: 'Calls per second that ended with an error',
    width: 9,
    cell: ({ errors }) => figure(rate(errors), 'calls per second that ended with an error'),
    value: ({ errors }) => errors,
    figure: true,
  },
  {
    key: 'rtt',
    label: 'Round trip',
    title: 'Round trip of the last ping, from the host that this page asks',
    width: 10,
    cell: ({ rtt }) => figure(ms(rtt), 'round trip of the last ping, from the host that this page asks'),
    value: ({ rtt }) => rtt,
    figure: true,
  },
  {
    key: 'history',
    label: 'Last minute',
    title: 'Calls per second in the last minute',
    width: 16,
    cell: ({ history }) => sparkline(history, 60, { least: 1 }),
  },
];

/** The table of hosts, the most serious status first. */
export function hostsTable(page: Page, rows: readonly HostRow[]): TemplateResult {
  return table(page, {
    name: 'hosts',
    label: 'Hosts',
    columns: hostColumns,
    rows,
    keyOf: ({ name }) => name,
    textOf: ({ name, status, why = '' }) => `${name} ${statusTexts[status]} ${why}`,
    empty: 'No hosts.',
    order: (left, right) =>
      statusOrder.indexOf(left.status) - statusOrder.indexOf(right.status) || byName(left.name, right.name),
    classOf: ({ status }) => status,
    least: 640,
  });
}
