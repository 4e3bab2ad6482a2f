import { html, nothing, type TemplateResult } from 'lit-html';
import { guard } from 'lit-html/directives/guard.js';
import type { Page } from '../page.js';
import { byName } from './format.js';

/** A column of a table. */
export interface Column<R> {
  readonly key: string;
  readonly label: string;
  /** Title: what its figures count, with their unit. */
  readonly title: string;
  readonly cell: (row: R) => TemplateResult | string | typeof nothing;
  /** What the rows are sorted by; a column without it cannot be sorted. */
  readonly value?: (row: R) => number | string | undefined;
  /** True: aligned to the right, and sorted with the largest first. */
  readonly figure?: boolean;
  /** Share of the width. */
  readonly width: number;
}

/** A table of the page. */
export interface TableOptions<R> {
  readonly name: string;
  readonly label: string;
  readonly columns: readonly Column<R>[];
  /** A row that is the same object as in the last drawing is not drawn again. */
  readonly rows: readonly R[];
  /** Distinguishes a row from the others. */
  readonly keyOf: (row: R) => string;
  /** The text that the filter searches. */
  readonly textOf: (row: R) => string;
  /** The text where there are no rows. */
  readonly empty: string;
  /** The order before the user chooses one. */
  readonly order: (left: R, right: R) => number;
  /** Rows that are shown at the most. */
  readonly max?: number;
  /** A class of the row. */
  readonly classOf?: (row: R) => string;
  /** True: new rows take their places at once. */
  readonly live?: boolean;
  /** Width below which the table scrolls, in px. */
  readonly least: number;
}

/** Interval at which rows are sorted anew, in ms. They are not while the pointer or the focus is in the table. */
const orderInterval = 3_000;
const maxRows = 200;

interface Order {
  readonly at: number;
  readonly by: string;
  readonly keys: ReadonlyMap<string, number>;
}

const orders = new Map<string, Order>();

/** A table that can be sorted and filtered. Rows are updated in place: they do not move with each new figure. */
export function table<R>(page: Page, options: TableOptions<R>): TemplateResult {
  const { name, label, columns, rows, empty, max = maxRows, least } = options;
  const state = page.ui.table(name);
  const wanted = state.filter.trim().toLowerCase();
  const found = wanted === '' ? rows : rows.filter((row) => options.textOf(row).toLowerCase().includes(wanted));
  const shown = inOrder(page, options, found);
  const total = columns.reduce((sum, { width }) => sum + width, 0);
  return html`
    <div class="filter">
      <label
        >Filter
        <input
          type="search"
          data-filter
          aria-label=${`Filter ${label.toLowerCase()}`}
          .value=${state.filter}
          @input=${(event: Event) => {
            page.ui.setTable(name, { filter: (event.target as HTMLInputElement).value });
            page.draw();
          }}
      /></label>
      <span class="muted" role="status">${countText(shown.length, found.length, rows.length, max)}</span>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label=${label}>
      <table class=${least > 900 ? 'wide' : least > 600 ? 'medium' : ''} data-table=${name}>
        <colgroup>
          ${columns.map(({ width }) => html`<col width=${`${((100 * width) / total).toFixed(2)}%`} />`)}
        </colgroup>
        <thead>
          <tr>
            ${columns.map((column) => headerCell(page, options, column))}
          </tr>
        </thead>
        <tbody>
          ${shown.slice(0, max).map((row) => guard([row, columns], () => rowOf(row, options)))}
        </tbody>
      </table>
      ${
        shown.length > 0
          ? nothing
          : html`<p class="empty">${rows.length === 0 ? empty : `Nothing matches “${state.filter}”.`}</p>`
      }
    </div>
  `;
}

function rowOf<R>(row: R, { columns, classOf }: TableOptions<R>): TemplateResult {
  return html`<tr class=${classOf?.(row) ?? ''}>
    ${columns.map((column) => html`<td class=${column.figure === true ? 'figure' : ''}>${column.cell(row)}</td>`)}
  </tr>`;
}

function countText(shown: number, found: number, all: number, max: number): string {
  const amount = found === all ? `${all}` : `${found} of ${all}`;
  return shown > max ? `${amount}; the first ${max} are shown` : amount;
}

function headerCell<R>(page: Page, { name }: TableOptions<R>, column: Column<R>): TemplateResult {
  const { key, label, title, value, figure = false } = column;
  const { sort, descending = false } = page.ui.table(name);
  const isSorted = sort === key;
  const kind = figure ? 'figure' : '';
  if (value === undefined) return html`<th scope="col" class=${kind} title=${title}>${label}</th>`;
  return html`<th scope="col" class=${kind} aria-sort=${isSorted ? (descending ? 'descending' : 'ascending') : 'none'}>
    <button
      type="button"
      title=${`${title}. Press to sort.`}
      @click=${() => {
        page.ui.sortBy(name, key, figure);
        page.draw();
      }}
    >
      <span class="heading" data-arrow=${isSorted ? (descending ? '▾' : '▴') : ''}>${label}</span>
    </button>
  </th>`;
}

function inOrder<R>(
  page: Page,
  { name, columns, keyOf, order, live = false }: TableOptions<R>,
  rows: readonly R[],
): readonly R[] {
  const { sort, descending = false, filter } = page.ui.table(name);
  const value = columns.find(({ key }) => key === sort)?.value;
  const by = `${sort ?? ''} ${descending} ${filter}`;
  const compare = (left: R, right: R): number => {
    if (value === undefined) return order(left, right);
    return (descending ? -1 : 1) * compareValues(value(left), value(right), descending) || order(left, right);
  };
  const kept = orders.get(name);
  const isBusy = document.querySelector(`[data-table="${name}"]:is(:hover, :focus-within)`) !== null;
  if (!live && kept?.by === by && (isBusy || page.now - kept.at < orderInterval)) {
    // New rows come last until the next order.
    const place = (row: R): number => kept.keys.get(keyOf(row)) ?? Infinity;
    return [...rows].sort((left, right) => compareValues(place(left), place(right), false) || compare(left, right));
  }
  const sorted = [...rows].sort(compare);
  orders.set(name, { at: page.now, by, keys: new Map(sorted.map((row, index) => [keyOf(row), index])) });
  return sorted;
}

// What is unknown comes last in both directions.
function compareValues(
  left: number | string | undefined,
  right: number | string | undefined,
  descending: boolean,
): number {
  if (left === right) return 0;
  if (left === undefined) return descending ? -1 : 1;
  if (right === undefined) return descending ? 1 : -1;
  if (typeof left === 'string' || typeof right === 'string') return byName(String(left), String(right));
  return left < right ? -1 : 1;
}
