import { html, nothing, type TemplateResult } from 'lit-html';
import { duration, plural, shortHost } from './parts/format.js';
import { eventsView } from './views/events-view.js';
import { hostView } from './views/host-view.js';
import { overview } from './views/overview.js';
import type { Model } from './model/model.js';
import type { Page } from './page.js';
import { section } from './parts/parts.js';
import { summary } from './views/summary.js';
import { leavesTable } from './views/leaves-table.js';
import { routesTable } from './views/routes-table.js';
import { streamsTable } from './views/streams-table.js';
import { transfersTable } from './views/transfers-table.js';
import { tokenForm } from './views/token-form.js';
import { totals } from './views/totals.js';
import { views, type ViewName } from './ui.js';

const labels: Readonly<Record<ViewName, string>> = {
  overview: 'Overview',
  routes: 'Routes',
  streams: 'Streams',
  transfers: 'Transfers',
  leaves: 'Leaves',
  events: 'Events',
};

/** The whole page. */
export function app(page: Page): TemplateResult {
  const { session, model } = page;
  const asksToken = session === undefined || session.state.status === 'refused';
  return html`
    <a class="skip" href="#main" @click=${skip}>Skip to the content</a>
    ${bar(page)}
    ${
      asksToken
        ? html`<main id="main" tabindex="-1">${tokenForm(page)}</main>`
        : html`${notice(page)}
            <main id="main" tabindex="-1" class=${page.stale ? 'stale' : ''}>${content(page)}</main>`
    }
    ${model === undefined || asksToken ? nothing : foot(page)}
  `;
}

function content(page: Page): TemplateResult {
  const { feeds, model, ui } = page;
  if (feeds?.refused !== undefined) return noMonitor(feeds.refused);
  if (model === undefined) return waiting(page);
  return html`${summary(page, model)}${ui.place.view === 'host' ? nothing : totals(page, model)}${view(page, model)}`;
}

function waiting({ stale }: Page): TemplateResult {
  const text = stale
    ? 'The host has not been reached yet.'
    : 'The page is connected. The first figures of the host come within a second.';
  return section('Waiting for the host', html`<p class="empty">${text}</p>`);
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function bar(page: Page): TemplateResult {
  const { ui, title, feeds } = page;
  const hosts = feeds?.local === undefined ? '' : shortHost(feeds.local);
  return html`<header class="top">
    <a class="brand" href="#/overview"
      ><svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M16 7 7 23h18Z" />
        <circle cx="16" cy="7" r="4" />
        <circle cx="7" cy="23" r="4" />
        <circle cx="25" cy="23" r="4" /></svg
      ><bdi title=${title}>${title === '' ? 'rxgrid' : title}</bdi></a
    >
    <nav aria-label="Views">
      ${views.map(
        (name) =>
          html`<a
            href=${`#/${name}`}
            aria-current=${ui.place.view === name ? 'page' : nothing}
            data-label=${labels[name]}
            >${labels[name]}</a
          >`,
      )}
    </nav>
    <div class="tools">
      <span class="connection" title=${hosts === '' ? '' : `The figures come from ${feeds?.local ?? ''}`}
        >${connectionText(page)}</span
      >
      <button
        type="button"
        class="pause"
        aria-pressed=${ui.paused ? 'true' : 'false'}
        title="Stops the page at what it shows (key p)"
        @click=${() => {
          page.setPaused(!ui.paused);
        }}
      >
        ${ui.paused ? 'Resume' : 'Pause'}
      </button>
      <button
        type="button"
        class="theme"
        title="Colours: those of the system, light, or dark (key t)"
        @click=${() => {
          ui.nextTheme();
          page.draw();
        }}
      >
        ${{ system: 'Auto', light: 'Light', dark: 'Dark' }[ui.theme]}
      </button>
    </div>
  </header>`;
}

function connectionText({ session, stale, ui, model }: Page): TemplateResult {
  if (session === undefined) return html`not connected`;
  if (stale) return html`<b class="bad">not connected</b>`;
  if (model === undefined) return html`connected`;
  return ui.paused ? html`<b class="warn">paused</b>` : html`<span class="live">live</span>`;
}

function notice(page: Page): TemplateResult | typeof nothing {
  const { session, stale, feeds, now, wallNow, ui, hiddenEvents } = page;
  if (session?.expires === true) {
    return html`<div class="notice warn" role="status">
      <p>The token of this page expires soon.</p>
      <details>
        <summary>Give another token</summary>
        ${tokenForm(page)}
      </details>
    </div>`;
  }
  if (ui.paused) {
    return html`<p class="notice" role="status">Paused. ${plural(hiddenEvents, 'event')} came meanwhile.</p>`;
  }
  if (!stale || session === undefined) return nothing;
  const { state } = session;
  const local = feeds?.hosts.get(feeds.local ?? '');
  const age = local?.updatedAt === undefined ? '' : ` The figures are ${duration(now - local.updatedAt)} old.`;
  const next =
    state.waitsFor === 'online'
      ? 'There is no network.'
      : state.nextAttempt === undefined
        ? 'Connecting.'
        : `Next attempt in ${duration(Math.max(0, state.nextAttempt - wallNow) + 999)}.`;
  const why = session.why === undefined ? '' : ` ${session.why}`;
  return html`<div class="notice bad" role="status">
    <p><b>No connection to the host.</b> ${next}${age}<span class="muted">${why}</span></p>
    <button
      type="button"
      @click=${() => {
        session.leaf.reconnect();
      }}
    >
      Try now
    </button>
  </div>`;
}

function view(page: Page, model: Model): TemplateResult {
  const { view: name, host } = page.ui.place;
  switch (name) {
    case 'overview':
      return overview(page, model);
    case 'routes':
      return section('Routes', routesTable(page, model.routes));
    case 'streams':
      return section('Open streams', streamsTable(page, model.streams));
    case 'transfers':
      return section('Transfers', transfersTable(page, model.transfers));
    case 'leaves':
      return section('Leaves', leavesTable(page, model.leaves));
    case 'events':
      return eventsView(page);
    case 'host':
      return hostView(page, model, host ?? '');
  }
}

function noMonitor(why: string): TemplateResult {
  return section(
    'This host reports no figures',
    html`<p>The page is connected, but the host does not let it see its figures. The host has to:</p>
      <ul class="steps">
        <li>call <code>serveMonitor(manager, { authorize })</code>, where <code>authorize</code> allows this page;</li>
        <li>name <code>monitorRoutes</code> in <code>leaves.routes</code>, if it has that option.</li>
      </ul>
      <p class="muted">Its answer: ${why}</p>`,
  );
}

function foot({ model, feeds }: Page): TemplateResult {
  const version = feeds?.hosts.get(model?.local ?? '')?.info?.version;
  return html`<footer class="muted">
    <span
      >Figures of ${model?.hosts.filter(({ reports }) => reports).length} of ${model?.hosts.length} hosts, through
      <bdi title=${model?.local ?? ''}>${shortHost(model?.local ?? '')}</bdi
      >${version === undefined ? '' : `, rxgrid ${version}`}</span
    >
    <span class="keys"
      ><span><kbd>/</kbd> filter</span><span><kbd>p</kbd> pause</span><span><kbd>t</kbd> colours</span
      ><span><kbd>1</kbd>–<kbd>6</kbd> views</span></span
    >
  </footer>`;
}
