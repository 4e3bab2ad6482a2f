import { html, nothing, type TemplateResult } from 'lit-html';
import { clock, duration, ms, plural, rate, shortHost } from './format.js';
import { statusOrder } from './host-status.js';
import type { HostRow, Model } from './model.js';
import type { Page } from './page.js';
import { hostLink, nameText, routeLink, statusBadge, statusTexts } from './parts.js';
import type { RouteRate } from './route-rates.js';

/** From here on a route is called slow, in ms, and a stream stuck. */
const slow = 1_000;
const stuck = 5_000;
const maxProblems = 3;

/** What a newcomer wants to know first: what is down, since when and why; what is slow; what is stuck. It has the same height whatever it says. */
export function summary({ model }: Page): TemplateResult {
  return html`<section class="panel summary" aria-label="Summary">
    ${
      model === undefined
        ? nothing
        : html`${hostsPart(model)}
            <div class="others">${slowPart(model)}${stuckPart(model)}${errorsPart(model)}</div>`
    }
  </section>`;
}

function hostsPart({ hosts }: Model): TemplateResult {
  const troubled = hosts
    .filter(({ status }) => status !== 'up')
    .sort((left, right) => statusOrder.indexOf(left.status) - statusOrder.indexOf(right.status));
  const worst = troubled[0]?.status;
  if (worst === undefined) {
    const newest = Math.min(...hosts.map((host) => host.for ?? Infinity));
    const since = newest === Infinity ? '' : ` The newest has been up for ${duration(newest)}.`;
    return line('Hosts', 'good', html`<p><b>All ${plural(hosts.length, 'host')} up.</b>${since}</p>`, 'big');
  }
  const shown = troubled.length > maxProblems ? maxProblems - 1 : maxProblems;
  const more = troubled.length - shown;
  return line(
    'Hosts',
    worst === 'down' ? 'bad' : 'warn',
    html`${troubled.slice(0, shown).map(problem)}${more > 0 ? html`<p class="muted">and ${plural(more, 'more host')}: see the list of hosts</p>` : nothing}`,
    'big',
  );
}

function problem(host: HostRow): TemplateResult {
  const { name, status, since, why } = host;
  const when =
    since === undefined || host.for === undefined
      ? nothing
      : html` for <b>${duration(host.for)}</b> <span class="muted">(since ${clock(since)})</span>`;
  return html`<p title=${`${shortHost(name)}: ${statusTexts[status]}. ${why ?? ''}`}>
    ${statusBadge(status)}
    ${hostLink(name)}${when}${why === undefined ? nothing : html`<span class="why">${why}</span>`}
  </p>`;
}

function slowPart({ routes }: Model): TemplateResult {
  const found = routes
    .filter((each) => each.side === 'handler' && each.kind === 'unary' && each.p99 !== undefined)
    .sort((left, right) => (right.p99 ?? 0) - (left.p99 ?? 0));
  const [first] = found;
  if (first === undefined) return line('Slowest', '', html`<p class="muted">No calls in the last minute.</p>`);
  const state = (first.p99 ?? 0) >= slow ? 'warn' : '';
  return line(
    'Slowest',
    state,
    html`<p>
      ${routeLink(first.host, first.route)} <span class="muted">at</span> ${hostLink(first.host)}:
      <b>${ms(first.p99)}</b> <abbr title="Of 100 calls of the last minute, 99 took no longer">p99</abbr>
    </p>`,
  );
}

function stuckPart({ streams }: Model): TemplateResult {
  const found = streams
    .filter(({ stalledFor = 0, sending }) => stalledFor >= stuck && sending !== undefined)
    .sort((left, right) => (right.stalledFor ?? 0) - (left.stalledFor ?? 0));
  const [first] = found;
  if (first === undefined)
    return line('Stuck', '', html`<p class="muted">No stream waits for its consumer for long.</p>`);
  const more = found.length > 1 ? html` <a href="#/streams">and ${found.length - 1} more</a>` : nothing;
  return line(
    'Stuck',
    'warn',
    html`<p>
      ${nameText(first.route)} <span class="muted">from</span> ${hostLink(first.host)}
      <span class="muted">to</span> ${nameText(shortHost(first.peer))}: waits
      <b>${duration(first.stalledFor)}</b>${more}
    </p>`,
  );
}

function errorsPart({ routes }: Model): TemplateResult {
  const [first] = routes
    .filter((each) => each.side === 'handler' && (each.errors ?? 0) > 0)
    .sort((left, right) => (right.errors ?? 0) - (left.errors ?? 0));
  if (first === undefined) return line('Errors', '', html`<p class="muted">No calls fail now.</p>`);
  return line(
    'Errors',
    '',
    html`<p>
      ${routeLink(first.host, first.route)} <span class="muted">at</span> ${hostLink(first.host)}:
      <b>${rate(first.errors)}/s</b> <span class="muted">${codesOf(first)}</span>
    </p>`,
  );
}

/** The codes of a route's errors, the most frequent first. */
export function codesOf({ errorsByCode }: Pick<RouteRate, 'errorsByCode'>): string {
  return Object.entries(errorsByCode)
    .sort(([, left], [, right]) => right - left)
    .map(([code, amount]) => `${code} ${amount}`)
    .join(', ');
}

function line(label: string, state: string, content: TemplateResult, size = ''): TemplateResult {
  return html`<div class=${`line is-${state} ${size}`}>
    <h2>${label}</h2>
    <div>${content}</div>
  </div>`;
}
