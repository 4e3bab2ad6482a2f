import { html, type TemplateResult } from 'lit-html';
import type { StreamFigures } from '../../metrics/figures.js';
import { bar } from '../parts/bar.js';
import { bytes, count, duration } from '../parts/format.js';
import type { OfHost } from '../model/host-feed.js';
import type { Page } from '../page.js';
import { figure } from '../parts/parts.js';
import { table, type Column } from '../parts/table.js';
import { hostColumn, peerColumn, routeColumn } from './columns.js';

function credit({ sending, receiving }: StreamFigures): TemplateResult {
  const shown = sending ?? receiving;
  if (shown === undefined) return html`<span class="muted">–</span>`;
  const what = sending === undefined ? 'received and not consumed' : 'sent and not consumed';
  const title = `${shown.used} of ${shown.granted} items ${what}`;
  return html`<span class="credit"
    >${bar(shown.used, shown.granted, title, shown.used >= shown.granted ? 'full' : '')}<span
      class="value"
      title=${title}
      >${shown.used}/${shown.granted}</span
    ></span
  >`;
}

const streamColumns: readonly Column<OfHost<StreamFigures>>[] = [
  routeColumn,
  hostColumn(15),
  peerColumn(15),
  {
    key: 'age',
    label: 'Open for',
    title: 'How long the stream has been open',
    width: 10,
    cell: ({ age }) => figure(duration(age), 'how long the stream has been open'),
    value: ({ age }) => age,
    figure: true,
  },
  {
    key: 'credit',
    label: 'Credit',
    title: 'Items on their way or unconsumed, of those that may be',
    width: 16,
    cell: credit,
    value: ({ sending, receiving }) => (sending ?? receiving)?.used,
    figure: true,
  },
  {
    key: 'stalled',
    label: 'Waits for',
    title: 'How long its next item has waited for credit',
    width: 10,
    cell: ({ stalledFor = 0 }) =>
      stalledFor < 1_000
        ? ''
        : figure(
            duration(stalledFor),
            'how long its next item has waited for credit',
            stalledFor >= 5_000 ? 'warn' : '',
          ),
    value: ({ stalledFor }) => stalledFor,
    figure: true,
  },
  {
    key: 'items',
    label: 'Items',
    title: 'Items that were sent and received',
    width: 10,
    cell: ({ itemsIn, itemsOut }) => figure(count(itemsIn + itemsOut), `${itemsOut} sent, ${itemsIn} received`),
    value: ({ itemsIn, itemsOut }) => itemsIn + itemsOut,
    figure: true,
  },
  {
    key: 'bytes',
    label: 'Bytes',
    title: 'Bytes that were sent and received',
    width: 10,
    cell: ({ bytesIn, bytesOut }) => figure(bytes(bytesIn + bytesOut), `${bytesOut} sent, ${bytesIn} received`),
    value: ({ bytesIn, bytesOut }) => bytesIn + bytesOut,
    figure: true,
  },
];

/** The table of open streams; those that have waited longest for credit first. */
export function streamsTable(page: Page, rows: readonly OfHost<StreamFigures>[]): TemplateResult {
  return table(page, {
    name: 'streams',
    label: 'Open streams',
    columns: streamColumns,
    rows,
    keyOf: ({ host, id }) => `${host}\n${id}`,
    textOf: ({ host, route, peer }) => `${route} ${host} ${peer}`,
    empty: 'No stream is open.',
    order: (left, right) => (right.stalledFor ?? 0) - (left.stalledFor ?? 0) || right.age - left.age,
    classOf: ({ stalledFor = 0 }) => (stalledFor >= 5_000 ? 'waits' : ''),
    least: 960,
  });
}
