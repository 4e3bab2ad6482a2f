import type { Feeds } from './model/feeds.js';
import type { Model } from './model/model.js';
import type { Session } from './model/session.js';
import type { TotalsHistory } from './model/totals-history.js';
import type { Ui } from './ui.js';

/** The data and the actions that each part of the page is drawn with. */
export interface Page {
  readonly ui: Ui;
  readonly session: Session | undefined;
  readonly feeds: Feeds | undefined;
  /** Undefined until the host has reported its cluster. */
  readonly model: Model | undefined;
  readonly history: TotalsHistory;
  /** Name of the cluster. */
  readonly title: string;
  /** The server adds the token to what the page sends: the page asks for none. */
  readonly hasToken: boolean;
  /** Monotonic clock. */
  readonly now: number;
  /** Wall clock. */
  readonly wallNow: number;
  /** Events that came since the page was paused. */
  readonly hiddenEvents: number;
  /** True while the figures are those of a connection that is lost. */
  readonly stale: boolean;
  /** Draws at once, after an action of the user. */
  draw(): void;
  setPaused(paused: boolean): void;
  /** Connects with a token. */
  giveToken(token: string): void;
}
