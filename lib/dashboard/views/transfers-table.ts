import { html, type TemplateResult } from 'lit-html';
import type { TransferFigures } from '../../metrics/figures.js';
import { bar } from '../parts/bar.js';
import { bytes } from '../parts/format.js';
import type { OfHost } from '../model/host-feed.js';
import type { Page } from '../page.js';
import { figure, nameText } from '../parts/parts.js';
import { table, type Column } from '../parts/table.js';
import { hostColumn, peerColumn } from './columns.js';

const transferColumns: readonly Column<OfHost<TransferFigures>>[] = [
  {
    key: 'path',
    label: 'File',
    title: 'Path of the file, as its sender names it',
    width: 22,
    cell: ({ path }) => nameText(path),
    value: ({ path }) => path,
  },
  hostColumn(14),
  {
    key: 'direction',
    label: 'Direction',
    title: 'Whether the host sends or receives the file',
    width: 9,
    cell: ({ direction }) => (direction === 'send' ? 'sends' : 'receives'),
    value: ({ direction }) => direction,
  },
  peerColumn(14),
  {
    key: 'progress',
    label: 'Progress',
    title: 'Bytes that were moved, of all',
    width: 16,
    cell: ({ moved, total }) =>
      html`<span class="credit"
        >${bar(moved, total, `${moved} of ${total} bytes`)}<span class="value" title=${`${moved} of ${total} bytes`}
          >${total > 0 ? `${Math.floor((100 * moved) / total)} %` : '–'}</span
        ></span
      >`,
    value: ({ moved, total }) => moved / Math.max(1, total),
    figure: true,
  },
  {
    key: 'total',
    label: 'Size',
    title: 'Bytes of the file',
    width: 8,
    cell: ({ total }) => figure(bytes(total), `${total} bytes`),
    value: ({ total }) => total,
    figure: true,
  },
  {
    key: 'rate',
    label: 'Rate',
    title: 'Bytes per second now',
    width: 9,
    cell: (row) => figure(`${bytes(row.rate)}/s`, 'bytes per second now'),
    value: (row) => row.rate,
    figure: true,
  },
  {
    key: 'mode',
    label: 'Mode',
    title: 'How it is sent: kernel is the sendfile of the system',
    width: 8,
    cell: ({ mode = '' }) => nameText(mode),
    value: ({ mode }) => mode,
  },
];

/** The table of files that are being transferred. */
export function transfersTable(page: Page, rows: readonly OfHost<TransferFigures>[]): TemplateResult {
  return table(page, {
    name: 'transfers',
    label: 'Transfers',
    columns: transferColumns,
    rows,
    keyOf: ({ host, id }) => `${host}\n${id}`,
    textOf: ({ host, path, peer }) => `${path} ${host} ${peer}`,
    empty: 'No file is on its way.',
    order: (left, right) => right.age - left.age,
    least: 900,
  });
}
