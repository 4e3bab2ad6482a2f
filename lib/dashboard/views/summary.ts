import { html, nothing, type TemplateResult } from 'lit-html';
import { clock, cut, duration, ms, plural, rate, shortHost } from '../parts/format.js';
import { statusOrder } from '../model/host-status.js';
import type { HostRow, Model } from '../model/model.js';
import type { Page } from '../page.js';
import { hostLink, statusBadge, statusTexts } from '../parts/parts.js';
import type { RouteRate } from '../model/route-rates.js';
import { hostAddress } from '../ui.js';

/** From these durations on a route counts as slow, and a stream as stuck, in ms. */
const slow = 1_000;
const stuck = 5_000;
const maxProblems = 3;

/**
 * The summary at the top: which hosts are down, since when and why; the slowest route; stuck streams; errors. Its
 * height does not depend on its content.
 */
export function summary({ stale }: Page, model: Model): TemplateResult {
  return html`<section class="panel summary" aria-label="Summary">
    ${hostsPart(model, stale)}
    <div class="others">${slowPart(model)}${stuckPart(model)}${errorsPart(model)}</div>
  </section>`;
}

function hostsPart({ hosts }: Model, stale: boolean): TemplateResult {
  const troubled = hosts
    .filter(({ status }) => status !== 'up')
    .sort((left, right) => statusOrder.indexOf(left.status) - statusOrder.indexOf(right.status));
  const worst = troubled[0]?.status;
  if (worst === undefined) {
    if (stale) {
      const what = hosts.length === 1 ? 'The host was up' : `All ${hosts.length} hosts were up`;
      return line('Hosts', 'warn', html`<p><b>${what}</b> when this page lost its connection.</p>`, 'big');
    }
    const newest = Math.min(...hosts.map((host) => host.for ?? Infinity));
    const since =
      newest === Infinity ? '' : ` ${hosts.length === 1 ? 'It' : 'The newest'} has been up for ${duration(newest)}.`;
    return line(
      'Hosts',
      'good',
      html`<p><b>${hosts.length === 1 ? 'The host is up.' : `All ${hosts.length} hosts up.`}</b>${since}</p>`,
      'big',
    );
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
    lead(ms(first.p99), placeLink(first), 'Of 100 calls of the last minute, 99 took no longer (p99)'),
  );
}

function stuckPart({ streams }: Model): TemplateResult {
  const found = streams
    .filter(({ stalledFor = 0, sending }) => stalledFor >= stuck && sending !== undefined)
    .sort((left, right) => (right.stalledFor ?? 0) - (left.stalledFor ?? 0));
  const [first] = found;
  if (first === undefined)
    return line('Stuck', '', html`<p class="muted">No stream waits for its consumer for long.</p>`);
  return line(
    'Stuck',
    'warn',
    lead(
      duration(first.stalledFor),
      html`<a href="#/streams"
        >${first.route} of ${shortHost(first.host)} to
        ${shortHost(first.peer)}${found.length > 1 ? `, and ${found.length - 1} more` : ''}</a
      >`,
      `${first.route} of ${first.host} to ${first.peer}: its next item has waited ${duration(first.stalledFor)} for its consumer`,
    ),
  );
}

function errorsPart({ routes }: Model): TemplateResult {
  const [first] = routes
    .filter((each) => each.side === 'handler' && (each.errors ?? 0) > 0)
    .sort((left, right) => (right.errors ?? 0) - (left.errors ?? 0));
  if (first === undefined) return line('Errors', '', html`<p class="muted">No calls fail now.</p>`);
  return line('Errors', '', lead(`${rate(first.errors)}/s`, placeLink(first), `Since the start: ${codesOf(first)}`));
}

// One text: as separate elements, its parts would move when the length of another one changes.
function placeLink({ host, route }: RouteRate): TemplateResult {
  return html`<a href=${hostAddress(host, route)}>${cut(route, 80)} at ${cut(shortHost(host), 80)}</a>`;
}

function lead(text: string, rest: TemplateResult, title: string): TemplateResult {
  return html`<p title=${title}><b class="lead">${text}</b>${rest}</p>`;
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
