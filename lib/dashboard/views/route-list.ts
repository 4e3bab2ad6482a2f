import { html, nothing, type TemplateResult } from 'lit-html';
import { descriptions } from '../model/descriptions.js';
import type { HostRow } from '../model/model.js';
import type { Page } from '../page.js';
import { routeLink, section } from '../parts/parts.js';
import { routePanel } from '../call/route-panel.js';

/** The routes that a host serves, by its own description, and the form of the one that is chosen. */
export function servedRoutes(page: Page, host: HostRow, chosen: string | undefined): TemplateResult {
  const { description, problem } = descriptions.of(page, host);
  if (description === undefined) {
    return section('Routes', html`<p class="empty">${problem ?? 'Waiting for the description of its routes.'}</p>`);
  }
  const route = description.routes.find(({ name }) => name === chosen);
  return section(
    'Routes that it serves',
    html`<ul class="route-list">
        ${description.routes.map(
          ({ name, kind }) =>
            html`<li class=${name === chosen ? 'chosen' : ''}>
              ${routeLink(host.name, name)} <span class="muted">${kind === 'unary' ? 'call' : 'stream'}</span>
            </li>`,
        )}
        ${description.routes.length === 0 ? html`<li class="muted">It serves no routes.</li>` : nothing}
      </ul>
      ${
        chosen === undefined
          ? html`<p class="note muted">Choose a route to call it.</p>`
          : route === undefined
            ? html`<p class="empty">It serves no route of the name “${chosen}”.</p>`
            : routePanel(page, host.name, route)
      }`,
  );
}
