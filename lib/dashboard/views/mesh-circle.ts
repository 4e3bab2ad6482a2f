import { html, nothing, svg, type TemplateResult } from 'lit-html';
import { bytes, cut, ms, shortHost } from '../parts/format.js';
import { hostAddress } from '../ui.js';
import type { LinkRow } from '../model/links.js';
import type { Model } from '../model/model.js';
import { statusShape, statusTexts } from '../parts/parts.js';

const width = 480;
const radius = { x: 150, y: 125 };

interface Point {
  readonly x: number;
  readonly y: number;
}

const centre = 185;

/** Hosts on a circle, and each connection as a line: its width shows the rate, its colour and dashes the state. */
export function meshCircle({ hosts, links, local }: Model): TemplateResult {
  const points = new Map(hosts.map(({ name }, index) => [name, pointOf(index, hosts.length)]));
  return html`<svg
    class="mesh"
    viewBox=${`0 0 ${width} ${heightOf(points)}`}
    role="group"
    aria-label="Hosts and their connections"
  >
    <defs>
      <marker
        id="dialed"
        viewBox="0 0 8 8"
        refX="4"
        refY="4"
        markerWidth="9"
        markerHeight="9"
        markerUnits="userSpaceOnUse"
        orient="auto"
      >
        <path d="M1 1 7 4 1 7Z" />
      </marker>
    </defs>
    ${links.map((link) => line(link, points))}
    ${hosts.map(({ name, status }, index) => {
      const { x, y } = points.get(name)!;
      const label = y + labelPlace(index, hosts.length);
      return svg`<a class=${`node ${status}`} href=${hostAddress(name)}>
        <title>${name}: ${statusTexts[status]}</title>
        <circle class="halo" cx=${x} cy=${y} r="19" />
        <svg x=${x - 14} y=${y - 14} width="28" height="28" viewBox="0 0 16 16">${statusShape(status)}</svg>
        <text x=${x} y=${label} text-anchor="middle">${cut(shortHost(name), 24)}</text>
        <text class="state" x=${x} y=${label + 15} text-anchor="middle">${
          status === 'up' ? (name === local ? 'this page asks it' : nothing) : statusTexts[status]
        }</text>
      </a>`;
    })}
  </svg>`;
}

function line(link: LinkRow, points: ReadonlyMap<string, Point>): TemplateResult | typeof nothing {
  const [from, to] = link.dialer === link.to ? [link.to, link.from] : [link.from, link.to];
  const [start, end] = [points.get(from), points.get(to)];
  if (start === undefined || end === undefined) return nothing;
  const middle = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 };
  const state = link.status === 'connected' ? 'connected' : link.status === 'draining' ? 'draining' : 'lost';
  const path = `M${start.x} ${start.y}L${middle.x.toFixed(1)} ${middle.y.toFixed(1)}L${end.x} ${end.y}`;
  return svg`<g class=${`link ${state}`}>
    <title>${linkText(link)}</title>
    <path class="hit" d=${path} />
    <path class="wire" d=${path} stroke-width=${thickness(link.bytes).toFixed(1)} marker-mid=${link.dialer === undefined ? nothing : 'url(#dialed)'} />
  </g>`;
}

/** A connection in words. */
export function linkText({ from, to, status, rtt, bytes: rate, dialer, why }: LinkRow): string {
  const parts = [
    status,
    ...(status === 'connected' ? [`round trip ${ms(rtt)}`, ...(rate === undefined ? [] : [`${bytes(rate)}/s`])] : []),
    ...(dialer === undefined ? [] : [`${shortHost(dialer)} dials`]),
    ...(status === 'connected' || why === undefined ? [] : [why]),
  ];
  return `${shortHost(from)} – ${shortHost(to)}: ${parts.join(', ')}`;
}

// From a thin line at 1 kB/s to a thick one at 100 MB/s.
function thickness(rate = 0): number {
  return 1 + Math.min(5, Math.max(0, Math.log10(Math.max(1, rate / 1_000))));
}

function pointOf(index: number, all: number): Point {
  const angle = (2 * Math.PI * index) / all - Math.PI / 2;
  const round = (value: number): number => Math.round(value * 10) / 10;
  return { x: round(width / 2 + radius.x * Math.cos(angle)), y: round(centre + radius.y * Math.sin(angle)) };
}

function heightOf(points: ReadonlyMap<string, Point>): number {
  return Math.max(0, ...[...points.values()].map(({ y }) => y)) + 64;
}

/** Above the upper half of the circle, and below the lower one: beside it there is no room for a long name. */
function labelPlace(index: number, all: number): number {
  return Math.sin((2 * Math.PI * index) / all - Math.PI / 2) < 0 ? -40 : 36;
}
