import type { Runtime } from '../../../runtime.js';

/** What an {@link IdleLimit} watches. */
export interface IdleSubject {
  /** True while this side waits for the peer alone. Other times do not count. */
  waits(): boolean;
  /** The peer has been silent for too long. Called once. */
  expired(): void;
}

/** Limits how long a peer may be silent. It has one timer, which is not set anew for each item. */
export class IdleLimit {
  readonly #runtime: Runtime;
  readonly #timeout: number;
  readonly #subject: IdleSubject;
  /** When the peer last sent something, or this side did not wait for it. */
  #lastActivity: number;
  #cancel: () => void;

  /** `timeout`: in ms. */
  constructor(runtime: Runtime, timeout: number, subject: IdleSubject) {
    this.#runtime = runtime;
    this.#timeout = timeout;
    this.#subject = subject;
    this.#lastActivity = runtime.now();
    this.#cancel = runtime.schedule(this.#check, timeout);
  }

  /** The peer has sent something. */
  received(): void {
    this.#lastActivity = this.#runtime.now();
  }

  stop(): void {
    this.#cancel();
  }

  readonly #check = (): void => {
    const now = this.#runtime.now();
    if (!this.#subject.waits()) this.#lastActivity = now;
    const left = this.#lastActivity + this.#timeout - now;
    if (left > 0) this.#cancel = this.#runtime.schedule(this.#check, left);
    else this.#subject.expired();
  };
}
