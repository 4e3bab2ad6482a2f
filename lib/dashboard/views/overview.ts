import { html, nothing, type TemplateResult } from 'lit-html';
import { latestEvents } from './events-view.js';
import { meshCircle } from './mesh-circle.js';
import { meshMatrix } from './mesh-matrix.js';
import type { Model } from '../model/model.js';
import type { Page } from '../page.js';
import { section } from '../parts/parts.js';
import { hostsTable } from './hosts-table.js';

/** Up to so many hosts are a circle; more are a matrix. */
const maxCircle = 12;
const latest = 6;

/** The page at a glance. */
export function overview(page: Page, model: Model): TemplateResult {
  const { hosts, local } = model;
  const silent = hosts.filter(({ name, reports, status }) => !reports && name !== local && status === 'up').length;
  const asked = silent === 0 ? '' : notTelling(page, silent);
  const mesh = hosts.length <= maxCircle ? meshCircle(model) : meshMatrix(page, model);
  const isSmall = hosts.length <= maxCircle;
  const events = section('Latest events', latestEvents(page, latest), {
    aside: html`<a href="#/events">All events</a>`,
  });
  return html`<div class="columns">
    <div class="stack">
      ${section(
        'Connections',
        html`${mesh}
          <p class="note muted">${asked}</p>`,
      )}
      ${isSmall ? nothing : events}
    </div>
    <div class="stack">${section('Hosts', hostsTable(page, hosts))} ${isSmall ? events : nothing}</div>
  </div>`;
}

function notTelling({ feeds }: Page, silent: number): string {
  const why = feeds?.notRelayed;
  if (why === undefined) return `Waiting for the figures of ${silent} ${silent === 1 ? 'host' : 'hosts'}.`;
  const [hosts, them] = silent === 1 ? ['1 host is', 'it'] : [`${silent} hosts are`, 'them'];
  return `${hosts} seen from outside only, because this page may not ask ${them} through this one. ${why}`;
}
