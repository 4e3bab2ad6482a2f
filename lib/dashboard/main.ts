import { render } from 'lit-html';
import { errorText } from '../errors.js';
import { systemRuntime } from '../runtime.js';
import { app } from './app.js';
import { Feeds } from './model/feeds.js';
import { addKeys } from './keys.js';
import { modelOf, type Model } from './model/model.js';
import type { Page } from './page.js';
import { loadConfig, Session, takeToken, type PageConfig } from './model/session.js';
import { TotalsHistory } from './model/totals-history.js';
import { placeOf, Ui } from './ui.js';

/** Time between two drawings of figures, in ms, which hosts report once a second. */
const drawInterval = 1_000;
/** The same when a state has changed, and while a route is shown, whose items come more often. */
const promptInterval = 250;

const runtime = systemRuntime;

/** The page: its model, the choices of the user, and the schedule of its drawing. */
class Dashboard implements Page {
  readonly ui = new Ui();
  readonly history = new TotalsHistory();
  readonly title: string;
  readonly hasToken: boolean;
  session: Session | undefined = undefined;
  feeds: Feeds | undefined = undefined;
  model: Model | undefined = undefined;
  now = runtime.now();
  wallNow = runtime.wallNow();
  #config: PageConfig;
  #pausedAt = 0;
  #drawnAt = -Infinity;
  #isUrgent = true;

  constructor(config: PageConfig, token: string | undefined) {
    this.#config = config;
    this.title = config.title;
    this.ui.applyTheme();
    this.hasToken = config.hasToken;
    if (config.hasToken) this.giveToken('');
    else if (token !== undefined) this.giveToken(token);
    addEventListener('hashchange', () => {
      this.ui.place = placeOf(location.hash);
      this.draw();
      document.getElementById('main')?.focus({ preventScroll: true });
    });
    document.addEventListener('visibilitychange', () => {
      if (this.feeds !== undefined) this.feeds.hidden = isHidden();
      if (!isHidden()) this.draw();
    });
    addKeys(this);
    this.#tick();
  }

  get stale(): boolean {
    return (
      this.session !== undefined &&
      this.session.state.status !== 'connected' &&
      this.session.state.status !== 'draining'
    );
  }

  get hiddenEvents(): number {
    return this.ui.paused ? (this.feeds?.events.total ?? 0) - this.#pausedAt : 0;
  }

  readonly draw = (): void => {
    this.#isUrgent = false;
    this.#drawnAt = runtime.now();
    this.#update();
    render(app(this), document.getElementById('app')!);
    document.title = titleOf(this);
  };

  setPaused(paused: boolean): void {
    this.ui.paused = paused;
    this.#pausedAt = this.feeds?.events.total ?? 0;
    this.draw();
  }

  giveToken(token: string): void {
    if (this.session !== undefined) {
      this.session.giveToken(token);
      return;
    }
    const urgent = (): void => {
      this.#isUrgent = true;
    };
    this.session = new Session(this.#config.url, token, ({ status }) => {
      urgent();
      if (status === 'connected' && this.feeds?.refused !== undefined) this.feeds.start();
    });
    this.feeds = new Feeds(this.session.leaf, runtime, urgent);
    this.feeds.hidden = isHidden();
    this.feeds.start();
  }

  // A paused page keeps its model, while figures are still received.
  #update(): void {
    if (this.ui.paused && this.model !== undefined) return;
    this.now = runtime.now();
    this.wallNow = runtime.wallNow();
    if (this.feeds === undefined || this.stale) return;
    this.model = modelOf(this.feeds, this.now, this.wallNow, this.model) ?? this.model;
    if (this.model !== undefined) this.history.add(this.model.totals, this.now);
  }

  readonly #tick = (): void => {
    runtime.schedule(this.#tick, isHidden() ? drawInterval : promptInterval);
    // A tab that nobody sees has its title, and goes on to keep the totals. Durations advance without new figures.
    if (isHidden()) {
      this.#update();
      document.title = titleOf(this);
    } else if (this.#isUrgent || this.ui.place.route !== undefined) this.draw();
    // Timers are not exact.
    else if (runtime.now() - this.#drawnAt > drawInterval - promptInterval / 2) this.draw();
  };
}

function isHidden(): boolean {
  return document.visibilityState === 'hidden';
}

function titleOf({ model, title, stale }: Page): string {
  const name = title === '' ? 'rxgrid' : title;
  if (model === undefined) return name;
  const { up, hosts } = model.totals;
  return stale ? `no connection – ${name}` : up < hosts ? `${hosts - up} down – ${name}` : name;
}

loadConfig().then(
  (config) => {
    const dashboard = new Dashboard(config, takeToken());
    dashboard.draw();
  },
  (error: unknown) => {
    document.getElementById('app')!.textContent = `The page cannot begin: ${errorText(error)} Reload it.`;
  },
);
