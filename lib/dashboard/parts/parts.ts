import { html, svg, type TemplateResult } from 'lit-html';
import type { HostStatus } from '../model/host-status.js';
import { cut, shortHost } from './format.js';
import { hostAddress } from '../ui.js';

/** Characters of a name in a table; a title has the whole. */
const maxName = 120;

/** The word for a status. */
export const statusTexts: Readonly<Record<HostStatus, string>> = {
  up: 'up',
  partly: 'partly up',
  draining: 'draining',
  starting: 'starting',
  down: 'down',
};

const statusTitles: Readonly<Record<HostStatus, string>> = {
  up: 'All hosts that report are connected with it.',
  partly: 'Some hosts are connected with it, and some are not.',
  draining: 'It finishes its calls and takes no new ones.',
  starting: 'No host has been connected with it yet.',
  down: 'No host is connected with it.',
};

/** The shape of a status, in a box of 16 by 16: it differs from the others without colours. */
export function statusShape(status: HostStatus): TemplateResult {
  switch (status) {
    case 'up':
      return svg`<circle class="mark up" cx="8" cy="8" r="5" />`;
    case 'partly':
      return svg`<circle class="mark partly ring" cx="8" cy="8" r="5" /><path class="mark partly" d="M8 3a5 5 0 0 0 0 10Z" />`;
    case 'draining':
      return svg`<circle class="mark draining ring" cx="8" cy="8" r="5.5" /><path class="mark draining line" d="M8 5v5.5M5.5 8.2 8 10.7l2.5-2.5" />`;
    case 'starting':
      return svg`<circle class="mark starting ring dashed" cx="8" cy="8" r="5" />`;
    case 'down':
      return svg`<rect class="mark down" x="2" y="2" width="12" height="12" rx="2" /><path class="mark cross" d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" />`;
  }
}

/** A status with its shape and its word. */
export function statusBadge(status: HostStatus): TemplateResult {
  return html`<span class=${`badge ${status}`} title=${statusTitles[status]}
    ><svg viewBox="0 0 16 16" aria-hidden="true">${statusShape(status)}</svg>${statusTexts[status]}</span
  >`;
}

/**
 * A name of another side: at most a line, with the whole as its title, always from left to right, as addresses are
 * read, and no influence on the direction of what is around it.
 */
export function nameText(name: string): TemplateResult {
  return html`<bdi class="name" dir="ltr" title=${name}>${cut(name, maxName)}</bdi>`;
}

/** A link to the page of a host. */
export function hostLink(name: string): TemplateResult {
  return html`<a class="name" href=${hostAddress(name)} title=${name}
    ><bdi dir="ltr">${cut(shortHost(name), maxName)}</bdi></a
  >`;
}

/** A link to a route of a host. */
export function routeLink(host: string, route: string): TemplateResult {
  return html`<a class="name" href=${hostAddress(host, route)} title=${`${route} of ${host}`}
    ><bdi dir="ltr">${cut(route, maxName)}</bdi></a
  >`;
}

/** A figure with what it counts. */
export function figure(text: string, title: string, attention: 'bad' | 'warn' | '' = ''): TemplateResult {
  return html`<span class=${`value ${attention}`} title=${title}>${text}</span>`;
}

/** A part of a page with a heading. */
export function section(
  heading: string,
  content: unknown,
  options: { readonly className?: string; readonly aside?: unknown } = {},
): TemplateResult {
  const { className = '', aside = '' } = options;
  return html`<section class=${`panel ${className}`}>
    <header>
      <h2>${heading}</h2>
      ${aside}
    </header>
    ${content}
  </section>`;
}
