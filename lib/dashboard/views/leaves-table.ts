import { nothing, type TemplateResult } from 'lit-html';
import type { LeafState } from '../../endpoint/leaves/leaf-list.js';
import { byName, clock, dateTime } from '../parts/format.js';
import type { OfHost } from '../model/host-feed.js';
import type { Page } from '../page.js';
import { figure, hostLink, nameText } from '../parts/parts.js';
import { table, type Column } from '../parts/table.js';

const leafColumns: readonly Column<OfHost<LeafState>>[] = [
  {
    key: 'identity',
    label: 'Leaf',
    title: 'Identity that its host gave it',
    width: 22,
    cell: ({ identity }) => nameText(identity),
    value: ({ identity }) => identity,
  },
  {
    key: 'host',
    label: 'Host',
    title: 'Host that it is connected to',
    width: 18,
    cell: ({ host }) => hostLink(host),
    value: ({ host }) => host,
  },
  {
    key: 'since',
    label: 'Since',
    title: 'When it connected, by the clock of its host',
    width: 14,
    cell: ({ since }) => figure(clock(since), dateTime(since)),
    value: ({ since }) => since,
    figure: true,
  },
  {
    key: 'address',
    label: 'Address',
    title: 'Network address that it came from',
    width: 18,
    cell: ({ address }) => (address === undefined ? nothing : nameText(address)),
    value: ({ address }) => address,
  },
  {
    key: 'origin',
    label: 'Page',
    title: 'Origin of its page, where it is a browser',
    width: 22,
    cell: ({ origin }) => (origin === undefined ? nothing : nameText(origin)),
    value: ({ origin }) => origin,
  },
];

/** The table of leaves: browsers, tools and workers. */
export function leavesTable(page: Page, rows: readonly OfHost<LeafState>[]): TemplateResult {
  return table(page, {
    name: 'leaves',
    label: 'Leaves',
    columns: leafColumns,
    rows,
    keyOf: ({ host, identity, since, address = '' }) => `${host}\n${identity}\n${since}\n${address}`,
    textOf: ({ host, identity, address = '', origin = '' }) => `${identity} ${host} ${address} ${origin}`,
    empty: 'No leaf is connected.',
    order: (left, right) => byName(left.identity, right.identity) || left.since - right.since,
    least: 720,
  });
}
