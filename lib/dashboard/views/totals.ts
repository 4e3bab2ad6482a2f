import { html, type TemplateResult } from 'lit-html';
import { bytes, count, ms, rate, unknown } from '../parts/format.js';
import type { Model, Totals } from '../model/model.js';
import type { Page } from '../page.js';
import { sparkline } from '../parts/sparkline.js';
import { TotalsHistory, type TotalName } from '../model/totals-history.js';

interface Tile {
  readonly name: TotalName;
  readonly label: string;
  readonly title: string;
  readonly text: (totals: Totals) => string;
  readonly attention?: (totals: Totals) => 'bad' | 'warn' | '';
  /** The top of the sparkline is at least this. */
  readonly least: (totals: Totals) => number;
}

const tiles: readonly Tile[] = [
  {
    name: 'up',
    label: 'Hosts up',
    title: 'Hosts that others are connected with, of all hosts of the cluster',
    text: ({ up, hosts }) => `${up}/${hosts}`,
    attention: ({ up, hosts }) => (up < hosts ? 'bad' : ''),
    least: ({ hosts }) => hosts,
  },
  {
    name: 'calls',
    label: 'Calls/s',
    title: 'Calls per second that the handlers of all hosts have begun to serve',
    text: ({ calls }) => rate(calls),
    least: () => 1,
  },
  {
    name: 'p99',
    label: 'p99',
    title: 'Of 100 unary calls of the last minute, 99 took no longer than this',
    text: ({ p99 }) => ms(p99),
    least: () => 1,
  },
  {
    name: 'errors',
    label: 'Errors/s',
    title: 'Calls per second that ended with an error, at their handlers',
    text: ({ errors }) => rate(errors),
    least: () => 1,
  },
  {
    name: 'bytes',
    label: 'Bytes/s',
    title: 'Payload bytes per second of the calls that handlers serve, in both directions',
    text: ({ bytes: each }) => (each === undefined ? unknown : `${bytes(each)}/s`),
    least: () => 1,
  },
  {
    name: 'stalled',
    label: 'Waiting streams',
    title: 'Open streams whose next item waits for credit: their consumers are slower than their producers',
    text: ({ stalled }) => count(stalled),
    least: () => 1,
  },
];

/** The large figures, each with its last five minutes. */
export function totals({ history }: Page, { totals: now }: Model): TemplateResult {
  return html`<dl class="tiles">
    ${tiles.map(
      ({ name, label, title, text, attention, least }) =>
        html`<div class="tile" title=${`${title}. The line: the last five minutes.`}>
          <dt>${label}</dt>
          <dd class=${attention?.(now) ?? ''}>${text(now)}</dd>
          <dd class="line">${sparkline(history.of(name), TotalsHistory.length, { least: least(now) })}</dd>
        </div>`,
    )}
  </dl>`;
}
