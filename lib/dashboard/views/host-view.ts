import { html, nothing, type TemplateResult } from 'lit-html';
import { byName, bytes, clock, duration, ms, shortHost } from '../parts/format.js';
import { eventsView } from './events-view.js';
import type { LinkRow } from '../model/links.js';
import type { HostRow, Model } from '../model/model.js';
import type { Page } from '../page.js';
import { figure, hostLink, nameText, section, statusBadge } from '../parts/parts.js';
import { servedRoutes } from './route-list.js';
import { routesTable } from './routes-table.js';
import { table, type Column } from '../parts/table.js';

/** One host: how it is, what it sees of the others, what it serves. */
export function hostView(page: Page, model: Model, name: string): TemplateResult {
  const host = model.hosts.find((each) => each.name === name);
  if (host === undefined) {
    return section(
      'No such host',
      html`<p>${nameText(name)} is no host of this cluster. <a href="#/overview">All hosts</a></p>`,
    );
  }
  const { route } = page.ui.place;
  return html`<div class="stack">
    ${head(host)} ${servedRoutes(page, host, route)} ${section('Connections', linksTable(page, host.name, model.links))}
    ${section(
      'Figures of its routes',
      routesTable(
        page,
        model.routes.filter((each) => each.host === name),
        false,
      ),
    )}
    ${eventsView(page, name, 20)}
  </div>`;
}

function head(host: HostRow): TemplateResult {
  const { name, status, since, why, uptime, version, seenUpBy, seenBy, reports, problem } = host;
  const when = since === undefined || host.for === undefined ? '' : `for ${duration(host.for)}, since ${clock(since)}`;
  return section(
    shortHost(name),
    html`<dl class="facts">
      <div class=${why === undefined ? '' : 'whole'}>
        <dt>Status</dt>
        <dd>${statusBadge(status)} ${when}${why === undefined ? nothing : html`<span class="why">${why}</span>`}</dd>
      </div>
      ${
        seenBy === 0
          ? nothing
          : html`<div>
              <dt>Seen by</dt>
              <dd>${seenUpBy} of ${seenBy} hosts are connected with it</dd>
            </div>`
      }
      <div>
        <dt>Running for</dt>
        <dd>${duration(uptime)}</dd>
      </div>
      <div>
        <dt>rxgrid</dt>
        <dd>${version ?? '–'}</dd>
      </div>
      <div>
        <dt>Name</dt>
        <dd>${nameText(name)}</dd>
      </div>
      ${
        reports || problem === undefined
          ? nothing
          : html`<div>
              <dt>Figures</dt>
              <dd>none: ${problem}</dd>
            </div>`
      }
    </dl>`,
    { className: 'host-head' },
  );
}

/** The word for the state of a connection. */
const linkTexts: Readonly<Record<LinkRow['status'], string>> = {
  connected: 'connected',
  connecting: 'connecting',
  'back-off': 'lost',
  draining: 'draining',
  refused: 'refused',
  closed: 'closed',
};

const linkColumns: readonly Column<LinkRow & { readonly other: string }>[] = [
  {
    key: 'host',
    label: 'Host',
    title: 'Host at the other end',
    width: 22,
    cell: ({ other }) => hostLink(other),
    value: ({ other }) => other,
  },
  {
    key: 'status',
    label: 'Status',
    title: 'State of the connection',
    width: 15,
    cell: ({ status }) => figure(linkTexts[status], 'state of the connection', status === 'connected' ? '' : 'bad'),
    value: ({ status }) => status,
  },
  {
    key: 'rtt',
    label: 'Round trip',
    title: 'Round trip of the last ping',
    width: 12,
    cell: ({ rtt }) => figure(ms(rtt), 'round trip of the last ping'),
    value: ({ rtt }) => rtt,
    figure: true,
  },
  {
    key: 'bytes',
    label: 'Bytes/s',
    title: 'Bytes per second on the connection, in both directions',
    width: 12,
    cell: (row) =>
      figure(
        row.bytes === undefined ? '–' : `${bytes(row.bytes)}/s`,
        'bytes per second on the connection, in both directions',
      ),
    value: (row) => row.bytes,
    figure: true,
  },
  {
    key: 'dialer',
    label: 'Dialed by',
    title: 'Which of the two dials',
    width: 18,
    cell: ({ dialer }) => (dialer === undefined ? nothing : nameText(shortHost(dialer))),
    value: ({ dialer }) => dialer,
  },
  {
    key: 'connects',
    label: 'Connects',
    title: 'How often the connection has opened',
    width: 10,
    cell: ({ connects }) => figure(String(connects), 'how often the connection has opened'),
    value: ({ connects }) => connects,
    figure: true,
  },
  {
    key: 'why',
    label: 'Why lost',
    title: 'Why the last attempt failed',
    width: 30,
    cell: ({ why, status }) => (why === undefined || status === 'connected' ? nothing : nameText(why)),
  },
];

function linksTable(page: Page, name: string, links: readonly LinkRow[]): TemplateResult {
  const rows = links
    .filter(({ from, to }) => from === name || to === name)
    .map((link) => ({ ...link, other: link.from === name ? link.to : link.from }));
  return table(page, {
    name: 'links',
    label: 'Connections',
    columns: linkColumns,
    rows,
    keyOf: ({ other }) => other,
    textOf: ({ other, status, why = '' }) => `${other} ${linkTexts[status]} ${why}`,
    empty: page.model?.hosts.length === 1 ? 'There is no other host.' : 'No host reports its connections.',
    order: (left, right) => byName(left.other, right.other),
    least: 800,
  });
}
