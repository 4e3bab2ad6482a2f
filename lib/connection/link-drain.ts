import { ReplaySubject, type Observable } from 'rxjs';
import { maxTimerMs } from '../check.js';
import { drainSlack } from '../bounds.js';
import type { Runtime } from '../runtime.js';
import { decodeDrainNotice, encodeDrainNotice, type DrainNotice } from '../wire/payloads/control.js';

/** Times on the wire have 32 bits. */
const maxNoticeMs = 0xffff_ffff;

/**
 * The drain of a link, where both sides know the extension: what this side says of it, and what the other side has
 * said.
 *
 *     open ──notice──▶ draining ──last word (0 ms)──▶ finished        either ──too long after the time it named──▶ overdue
 *
 * Two notices count, however many come: the first one, and the last word.
 */
export class LinkDrain {
  /** Emits the first notice, also to later subscribers. */
  readonly notices: Observable<DrainNotice>;

  readonly #runtime: Runtime;
  readonly #send: ((payload: Uint8Array) => void) | undefined;
  readonly #overdue: (error: Error) => void;
  readonly #notices = new ReplaySubject<DrainNotice>(1);
  #state: 'open' | 'draining' | 'finished' = 'open';
  #cancelTimer: (() => void) | undefined = undefined;

  /**
   * `send` sends the payload of a notice; undefined where the other side does not know the extension. `overdue` is
   * called where the link stays open: one that takes no calls is of no use, and the next one may take them.
   */
  constructor(runtime: Runtime, send: ((payload: Uint8Array) => void) | undefined, overdue: (error: Error) => void) {
    this.#runtime = runtime;
    this.#send = send;
    this.#overdue = overdue;
    this.notices = this.#notices.asObservable();
  }

  /** True from the first notice on: the other side takes no calls. */
  get began(): boolean {
    return this.#state !== 'open';
  }

  /** True when the other side has answered each call that it began to work on. */
  get finished(): boolean {
    return this.#state === 'finished';
  }

  /** Tells the other side that this one takes no new calls, and closes in so many ms at the latest. */
  announce(reason: string, ms: number): void {
    this.#send?.(encodeDrainNotice({ reason, ms: Math.min(Math.max(1, Math.ceil(ms)), maxNoticeMs) }));
  }

  /** Tells the other side, just before the link closes, that each of its calls is answered that was begun here. */
  sayLastWord(reason: string): void {
    this.#send?.(encodeDrainNotice({ reason, ms: 0 }));
  }

  /**
   * A notice has come.
   *
   * @throws ProtocolError
   */
  receive(payload: Uint8Array): void {
    if (this.#send === undefined) return;
    const notice = decodeDrainNotice(payload);
    const before = this.#state;
    if (before === 'finished' || (before === 'draining' && notice.ms > 0)) return;
    this.#state = notice.ms === 0 ? 'finished' : 'draining';
    this.stop();
    this.#cancelTimer = this.#runtime.schedule(
      () => {
        this.#overdue(
          new Error('The other side has not closed the connection, as it said it would at the end of its drain.'),
        );
      },
      Math.min(notice.ms + drainSlack, maxTimerMs),
    );
    this.#runtime.sometimes?.('a peer drained');
    if (before === 'open') this.#notices.next(notice);
  }

  /** The link is closed. */
  stop(): void {
    this.#cancelTimer?.();
  }
}
