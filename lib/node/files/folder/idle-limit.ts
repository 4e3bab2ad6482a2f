import type { Runtime } from '../../../runtime.js';

/** What an {@link IdleLimit} watches. */
export interface IdleSubject {
  /** True while the other side has to send something. The time of anything else does not count. */
  waits(): boolean;
  /** Nothing came for so long. Called once. */
  expired(): void;
}

/** How long the other side may be silent. One timer, which is not set anew for each item. */
export class IdleLimit {
  readonly #runtime: Runtime;
  readonly #timeout: number;
  readonly #subject: IdleSubject;
  /** When something came, or when nothing was waited for. */
  #heard: number;
  #cancel: () => void;

  /** `timeout`: in ms. */
  constructor(runtime: Runtime, timeout: number, subject: IdleSubject) {
    this.#runtime = runtime;
    this.#timeout = timeout;
    this.#subject = subject;
    this.#heard = runtime.now();
    this.#cancel = runtime.schedule(this.#look, timeout);
  }

  /** Something came. */
  heard(): void {
    this.#heard = this.#runtime.now();
  }

  stop(): void {
    this.#cancel();
  }

  readonly #look = (): void => {
    const now = this.#runtime.now();
    if (!this.#subject.waits()) this.#heard = now;
    const left = this.#heard + this.#timeout - now;
    if (left > 0) this.#cancel = this.#runtime.schedule(this.#look, left);
    else this.#subject.expired();
  };
}
