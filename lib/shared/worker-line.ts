/**
 * The line of a page to the worker that shares a connection: it opens the worker, and opens it again when that has
 * ended.
 *
 *     waiting ──time──▶ open ──its lock is free, it is silent, its script does not load──▶ waiting
 *                        │  ▲
 *                left the page (it may be kept and shown again)          close ──▶ closed
 *
 * The worker pings; a page answers. Where nothing comes for three intervals, the worker has ended without notice. A
 * page that was frozen sends `here` again, and expects an answer soon.
 */

import { announcedExtensions } from '../connection/handshake.js';
import { platformSurroundings } from '../connection/dialing/surroundings.js';
import { WakeWatch } from '../connection/wake-watch.js';
import type { TokenRequest } from '../endpoint/leaves/leaf.js';
import { toError } from '../errors.js';
import { firstRedialInterval, wakeProbeTimeout } from '../bounds.js';
import type { Limits } from '../limits.js';
import type { Runtime } from '../runtime.js';
import { globalEvents } from './global-events.js';
import { holdLock, whenReleased } from './locks.js';
import { messageOf, postedError, type FromPage, type FromWorker } from './messages.js';

/** The part of a SharedWorker that is used here, or the port of another kind of worker. */
export type WorkerPort = MessagePort | { readonly port: MessagePort };

/** Options of a {@link WorkerLine}. */
export interface WorkerLineOptions {
  readonly runtime: Runtime;
  readonly limits: Limits;
  readonly open: () => WorkerPort;
  readonly token: ((request: TokenRequest) => Promise<string>) | undefined;
  /** The shared connection has a state, and the worker may offer a link. */
  readonly state: (message: Extract<FromWorker, { readonly rxgrid: 'state' }>) => void;
  /** The worker is gone, or cannot be opened; the line tries again in `ms`. */
  readonly lost: (error: Error, ms: number) => void;
}

/** Number of missing pings that are tolerated. */
const toleratedPings = 3;

/** Keeps a port to the worker open, and exchanges the messages of {@link FromPage} and {@link FromWorker} over it. */
export class WorkerLine {
  readonly #options: WorkerLineOptions;
  readonly #removals: (() => void)[] = [];
  #port: MessagePort | undefined = undefined;
  #closePort: (() => void) | undefined = undefined;
  #releaseLock: (() => void) | undefined = undefined;
  #lock: string | undefined = undefined;
  #lockOfWorker: string | undefined = undefined;
  #stopWatching: (() => void) | undefined = undefined;
  #cancelTimer: (() => void) | undefined = undefined;
  #losses = 0;
  #closed = false;

  constructor(options: WorkerLineOptions) {
    this.#options = options;
    const onHide = (): void => {
      this.#leave();
    };
    // A page that is kept while another one is shown must hold neither a lock nor the connection.
    globalEvents.addEventListener?.('pagehide', onHide);
    this.#removals.push(
      () => globalEvents.removeEventListener?.('pagehide', onHide),
      platformSurroundings.listen((signal) => {
        if (signal === 'awake') this.#probe();
        else if (signal === 'visible' || signal === 'online') this.post({ rxgrid: 'wanted' });
      }),
      WakeWatch.of(options.runtime).listen(() => {
        this.#probe();
      }),
    );
    this.#open();
  }

  /** Sends a message to the worker, if there is one. */
  post(message: FromPage): void {
    this.#port?.postMessage(message);
  }

  close(): void {
    this.#closed = true;
    for (const remove of this.#removals) remove();
    this.#leave();
  }

  #open(): void {
    const { open, runtime } = this.#options;
    this.#leave();
    let opened: WorkerPort;
    try {
      opened = open();
    } catch (error) {
      this.#fail(new Error(`The shared worker cannot be opened: ${toError(error).message}`));
      return;
    }
    const port = 'port' in opened ? opened.port : opened;
    const worker = 'port' in opened ? (opened as Partial<EventTarget>) : undefined;
    const onError = (event: Event): void => {
      const { message } = event as { readonly message?: string };
      this.#fail(
        new Error(`The script of the shared worker failed${message === undefined ? ' to load' : `: ${message}`}.`),
      );
    };
    port.addEventListener('message', this.#onMessage);
    port.addEventListener('close', this.#onPortClosed);
    worker?.addEventListener?.('error', onError);
    this.#closePort = () => {
      port.removeEventListener('message', this.#onMessage);
      port.removeEventListener('close', this.#onPortClosed);
      worker?.removeEventListener?.('error', onError);
      port.close();
    };
    this.#port = port;
    port.start();
    this.#releaseLock = holdLock(runtime, (name) => {
      this.#lock = name;
      this.#sayHere();
    });
    this.#sayHere();
    this.#expect(this.#silence);
  }

  #sayHere(): void {
    const givesTokens = this.#options.token !== undefined;
    this.post({ rxgrid: 'here', lock: this.#lock, extensions: announcedExtensions('off'), givesTokens });
  }

  // Announces to the worker that the page leaves. Messages are posted before the port closes.
  #leave(): void {
    this.#cancelTimer?.();
    this.#stopWatching?.();
    this.#lockOfWorker = undefined;
    if (this.#port === undefined) return;
    this.post({ rxgrid: 'gone' });
    this.#closePort?.();
    this.#releaseLock?.();
    this.#port = undefined;
    this.#lock = undefined;
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#leave();
    const { runtime, limits, lost } = this.#options;
    const ms =
      Math.min(limits.maxRedialInterval, firstRedialInterval * 2 ** this.#losses++) * (1 - runtime.random() / 2);
    this.#cancelTimer = runtime.schedule(() => {
      this.#open();
    }, ms);
    lost(error, ms);
  }

  // Woken up: the worker may have ended meanwhile, or may have taken this page for one that is gone.
  #probe(): void {
    if (this.#closed) return;
    if (this.#port === undefined) {
      this.#open();
      return;
    }
    this.#sayHere();
    this.#expect(wakeProbeTimeout);
  }

  get #silence(): number {
    return this.#options.limits.connectionPingInterval * toleratedPings;
  }

  // In two parts: a page that was held up runs its timers before it reads the messages that wait.
  #expect(ms: number): void {
    const { runtime } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = runtime.schedule(() => {
      this.#cancelTimer = runtime.schedule(() => {
        this.#fail(new Error(`The shared worker has been silent for ${Math.round(ms)} ms: it has ended.`));
      }, ms / 2);
    }, ms / 2);
  }

  readonly #onPortClosed = (): void => {
    this.#fail(new Error('The shared worker has ended: its port is closed.'));
  };

  readonly #onMessage = ({ data }: { readonly data: unknown }): void => {
    const message = messageOf<FromWorker>(data);
    if (message === undefined) return;
    this.#expect(this.#silence);
    switch (message.rxgrid) {
      case 'ping':
        this.post({ rxgrid: 'pong' });
        break;
      case 'token':
        void this.#answerToken(message.id, message.request);
        break;
      case 'state':
        this.#losses = 0;
        this.#watch(message.lock);
        this.#options.state(message);
        break;
      default:
    }
  };

  #watch(lock: string | undefined): void {
    if (lock === undefined || lock === this.#lockOfWorker) return;
    this.#lockOfWorker = lock;
    this.#stopWatching?.();
    this.#stopWatching = whenReleased(lock, () => {
      if (this.#lockOfWorker === lock) this.#fail(new Error('The shared worker has ended.'));
    });
  }

  async #answerToken(id: number, request: TokenRequest): Promise<void> {
    const { token } = this.#options;
    try {
      this.post({ rxgrid: 'token', id, token: await token?.(request), error: undefined });
    } catch (error) {
      this.post({ rxgrid: 'token', id, token: undefined, error: postedError(error) });
    }
  }
}
