import { html, nothing, type TemplateResult } from 'lit-html';
import type { LoggedEvent } from '../model/event-log.js';
import { clock, count, dateTime, plural } from '../parts/format.js';
import type { Page } from '../page.js';
import { hostLink, nameText, section } from '../parts/parts.js';
import { table, type Column } from '../parts/table.js';

/** The fields of an event as a line. */
function textOf({ event }: LoggedEvent): string {
  return Object.entries(event)
    .filter(([key]) => key !== 'type')
    .map(([key, value]: [string, unknown]) => `${key}: ${fieldText(value)}`)
    .join(', ');
}

function fieldText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

const columns: readonly Column<LoggedEvent>[] = [
  {
    key: 'at',
    label: 'Time',
    title: 'When it happened, by the clock of its host',
    width: 13,
    cell: ({ at }) => html`<time title=${dateTime(at)}>${clock(at)}</time>`,
    value: ({ at }) => at,
  },
  {
    key: 'host',
    label: 'Host',
    title: 'Host that reports it',
    width: 16,
    cell: ({ host }) => hostLink(host),
    value: ({ host }) => host,
  },
  {
    key: 'type',
    label: 'Event',
    title: 'What happened',
    width: 16,
    cell: ({ event }) => nameText(event.type),
    value: ({ event }) => event.type,
  },
  {
    key: 'text',
    label: 'Details',
    title: 'The fields of the event',
    width: 55,
    cell: (event) => nameText(textOf(event)),
  },
];

const empty = 'No events: nothing has happened that an operator should know.';

/** The newest events, in a few lines. */
export function latestEvents(page: Page, max: number): TemplateResult {
  const events = page.model?.events.events ?? [];
  const shown = events.slice(-max).reverse();
  // From the first event on the number of lines is fixed, so that nothing below moves.
  return html`<ol class="events" data-lines=${shown.length === 0 ? nothing : max}>
    ${shown.map(
      (each) =>
        html`<li>
          <time title=${dateTime(each.at)}>${clock(each.at)}</time> ${hostLink(each.host)}
          <b>${nameText(each.event.type)}</b> <span class="details">${nameText(textOf(each))}</span>
        </li>`,
    )}
    ${shown.length > 0 ? nothing : html`<li class="muted">${empty}</li>`}
  </ol>`;
}

/** The log of all events that the page keeps. */
export function eventsView(page: Page, host?: string, max = 200): TemplateResult {
  const log = page.model?.events;
  const all = (log?.events ?? []).filter((each) => host === undefined || each.host === host);
  const types = [...new Set(all.map(({ event }) => event.type))].sort();
  const rows = page.ui.eventType === '' ? all : all.filter(({ event }) => event.type === page.ui.eventType);
  return section(
    'Events',
    html`
      <p class="note muted" role="status">
        ${page.ui.paused ? `Paused: ${plural(page.hiddenEvents, 'event')} came meanwhile. ` : ''}${count(log?.total ?? 0)}
        came${(log?.missed ?? 0) > 0 ? `, and ${count(log?.missed)} more were left out, because they came too fast` : ''}.
        The page keeps the newest 1 000.
      </p>
      <label class="choice"
        >Type
        <select
          @change=${(event: Event) => {
            page.ui.eventType = (event.target as HTMLSelectElement).value;
            page.draw();
          }}
        >
          <option value="" .selected=${page.ui.eventType === ''}>all</option>
          ${types.map((type) => html`<option value=${type} .selected=${page.ui.eventType === type}>${type}</option>`)}
        </select></label
      >
      ${table(page, {
        name: 'events',
        label: 'Events',
        columns,
        rows,
        keyOf: ({ id }) => String(id),
        textOf: (event) => `${event.host} ${event.event.type} ${textOf(event)}`,
        empty,
        order: (left, right) => right.at - left.at || right.id - left.id,
        live: true,
        max,
        least: 800,
      })}
    `,
  );
}
