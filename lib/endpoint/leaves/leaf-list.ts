import type { Observable } from 'rxjs';
import { defer, of, Subject, startWith } from 'rxjs';
import { isolated } from '../../flow/unhandled.js';
import { maxListed } from '../../bounds.js';
import { printable } from '../../printable.js';
import type { Runtime } from '../../runtime.js';

/** A leaf that is connected. */
export interface LeafState {
  /** Identity that `leaves.authenticate` gave it. Several leaves may have one identity. */
  readonly identity: string;
  /** When it connected by the wall clock, in ms since the epoch. */
  readonly since: number;
  /** Network address that it came from, where the transport knows it. */
  readonly address?: string;
  /** Origin of its page, where it is a browser. */
  readonly origin?: string;
}

/** A leaf that has left. */
export interface LeafDeparture extends LeafState {
  /** Why the connection was lost, as far as this host knows; absent where this host closed it. */
  readonly reason?: string;
}

/** The leaves of a host, and what has changed since the last emission. */
export interface LeavesState {
  /** Leaves that are connected. */
  readonly connected: number;
  /** The leaves, the oldest first; at most 1 000. */
  readonly leaves: readonly LeafState[];
  readonly arrived: readonly LeafState[];
  readonly left: readonly LeafDeparture[];
}

/** The leaves that are connected to one host, for observers. Changes of one turn are emitted together. */
export class LeafList {
  /** Beginning with the present state. Completes at the close, also for later subscribers. */
  readonly leaves$: Observable<LeavesState>;

  readonly #runtime: Runtime;
  readonly #connected = new Map<object, LeafState>();
  readonly #changes = new Subject<LeavesState>();
  #arrived: LeafState[] = [];
  #left: LeafDeparture[] = [];
  #due = false;
  #closed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.leaves$ = isolated(
      defer(() => (this.#closed ? of(this.#present()) : this.#changes.pipe(startWith(this.#present())))),
    );
  }

  /** A leaf has connected. `key` identifies its connection. */
  arrived(key: object, state: LeafState): void {
    this.#connected.set(key, state);
    if (this.#arrived.length < maxListed) this.#arrived.push(state);
    this.#changed();
  }

  /** The connection of a leaf is lost. */
  left(key: object, error: Error | undefined): void {
    const state = this.#connected.get(key);
    if (state === undefined) return;
    this.#connected.delete(key);
    if (this.#left.length < maxListed) {
      this.#left.push(error === undefined ? state : { ...state, reason: printable(error.message) });
    }
    this.#changed();
  }

  close(): void {
    if (this.#closed) return;
    this.#connected.clear();
    this.#closed = true;
    this.#changes.complete();
  }

  #changed(): void {
    if (!this.#changes.observed) {
      this.#arrived = [];
      this.#left = [];
    } else if (!this.#due) {
      this.#due = true;
      this.#runtime.schedule(() => {
        this.#due = false;
        const state = { ...this.#present(), arrived: this.#arrived, left: this.#left };
        this.#arrived = [];
        this.#left = [];
        this.#changes.next(state);
      }, 0);
    }
  }

  #present(): LeavesState {
    const leaves: LeafState[] = [];
    for (const state of this.#connected.values()) {
      if (leaves.length === maxListed) break;
      leaves.push(state);
    }
    return { connected: this.#connected.size, leaves, arrived: [], left: [] };
  }
}
