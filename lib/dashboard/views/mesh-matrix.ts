import { html, nothing, svg, type TemplateResult } from 'lit-html';
import { shortHost } from '../parts/format.js';
import { linkText } from './mesh-circle.js';
import type { LinkRow } from '../model/links.js';
import type { Model } from '../model/model.js';
import type { Page } from '../page.js';
import { hostAddress } from '../ui.js';

/** Units of a cell; what is between two of them belongs to it. */
const cell = 10;
const gap = 1;

const kinds = ['fast', 'medium', 'slow', 'unknown', 'lost', 'draining', 'self', 'unreported'] as const;
type Kind = (typeof kinds)[number];

/** Round trips up to these are fast and medium, in ms. */
const fast = 5;
const medium = 50;

/**
 * The connections between all hosts as a matrix, drawn with a few SVG paths whatever the number of hosts. The pointer
 * and the arrow keys move a cursor over it, and a line below describes the connection at the cursor.
 */
export function meshMatrix(page: Page, model: Model): TemplateResult {
  const { hosts, links } = model;
  const index = new Map(hosts.map(({ name }, each) => [name, each]));
  const byCell = new Array<LinkRow | undefined>(hosts.length ** 2);
  for (const link of links) {
    const [row, column] = [index.get(link.from), index.get(link.to)];
    if (row === undefined || column === undefined) continue;
    byCell[row * hosts.length + column] = link;
    byCell[column * hosts.length + row] = link;
  }
  const paths = pathsOf(hosts.length, byCell);
  const size = hosts.length * cell;
  const at = page.ui.cell;
  return html`<div
      class="matrix"
      role="application"
      tabindex="0"
      aria-label=${`Connections of ${hosts.length} hosts. The arrow keys move, Enter opens the host of the row.`}
      aria-describedby="matrix-cell"
      @keydown=${(event: KeyboardEvent) => {
        move(page, model, event);
      }}
      @pointermove=${(event: PointerEvent) => {
        point(page, hosts.length, event);
      }}
      @click=${() => {
        open(page, model);
      }}
    >
      <svg viewBox="0 0 ${size} ${size}" aria-hidden="true">
        ${kinds.map((kind) => (paths[kind] === '' ? nothing : svg`<path class=${kind} d=${paths[kind]} />`))}
        ${at === undefined ? nothing : svg`<path class="cursor" d="M0 ${(at.row + 0.5) * cell}H${size}M${(at.column + 0.5) * cell} 0V${size}" /><rect class="cursor" x=${at.column * cell} y=${at.row * cell} width=${cell} height=${cell} />`}
      </svg>
    </div>
    <p id="matrix-cell" class="cell-text" role="status">${cellText(page, model, byCell)}</p>
    <ul class="legend">
      <li class="fast">up to ${fast} ms</li>
      <li class="medium">up to ${medium} ms</li>
      <li class="slow">slower</li>
      <li class="lost">not connected</li>
      <li class="unreported">not reported</li>
    </ul>`;
}

let drawn: { readonly cells: readonly Kind[]; readonly paths: Record<Kind, string> } | undefined;

// Colours change less often than round trips.
function pathsOf(size: number, byCell: readonly (LinkRow | undefined)[]): Record<Kind, string> {
  const cells = Array.from(byCell, (link, index) => (index % (size + 1) === 0 ? 'self' : kindOf(link)));
  if (drawn?.cells.length !== cells.length || cells.some((kind, index) => kind !== drawn?.cells[index])) {
    drawn = { cells, paths: drawPaths(size, cells) };
  }
  return drawn.paths;
}

function drawPaths(size: number, cells: readonly Kind[]): Record<Kind, string> {
  const paths = Object.fromEntries(kinds.map((kind) => [kind, ''])) as Record<Kind, string>;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const kind = cells[row * size + column]!;
      const [x, y, side] = [column * cell + gap / 2, row * cell + gap / 2, cell - gap];
      // Lost connections are crosses, which are seen without colours.
      paths[kind] +=
        kind === 'lost'
          ? `M${x + 1} ${y + 1}l${side - 2} ${side - 2}m0 ${2 - side}l${2 - side} ${side - 2}`
          : `M${x} ${y}h${side}v${side}h${-side}z`;
    }
  }
  return paths;
}

function kindOf(link: LinkRow | undefined): Kind {
  if (link === undefined) return 'unreported';
  if (link.status === 'draining') return 'draining';
  if (link.status !== 'connected') return 'lost';
  if (link.rtt === undefined) return 'unknown';
  return link.rtt <= fast ? 'fast' : link.rtt <= medium ? 'medium' : 'slow';
}

function cellText({ ui: { cell: at } }: Page, { hosts }: Model, byCell: readonly (LinkRow | undefined)[]): string {
  const [row, column] = [hosts[at?.row ?? -1]?.name, hosts[at?.column ?? -1]?.name];
  if (at === undefined || row === undefined || column === undefined)
    return 'Point at a cell, or move with the arrow keys.';
  if (row === column) return shortHost(row);
  const link = byCell[at.row * hosts.length + at.column];
  return link === undefined ? `${shortHost(row)} – ${shortHost(column)}: not reported` : linkText(link);
}

function move(page: Page, model: Model, event: KeyboardEvent): void {
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  const step = Object.hasOwn(steps, event.key) ? steps[event.key] : undefined;
  if (event.key === 'Enter') open(page, model);
  if (step === undefined) return;
  event.preventDefault();
  const last = model.hosts.length - 1;
  const within = (value: number): number => Math.min(last, Math.max(0, value));
  const { row, column } = page.ui.cell ?? { row: 0, column: 0 };
  page.ui.cell = { row: within(row + step[0]), column: within(column + step[1]) };
  page.draw();
}

function point(page: Page, size: number, event: PointerEvent): void {
  const { left, top, width, height } = (event.currentTarget as Element).getBoundingClientRect();
  const within = (value: number): number => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
  const next = { row: within((event.clientY - top) / height), column: within((event.clientX - left) / width) };
  const { cell: at } = page.ui;
  if (at?.row === next.row && at.column === next.column) return;
  page.ui.cell = next;
  page.draw();
}

function open({ ui }: Page, { hosts }: Model): void {
  const host = hosts[ui.cell?.row ?? -1];
  if (host !== undefined) location.hash = hostAddress(host.name);
}
