import type { Engine } from '../mux/engine.js';
import type { Socket, SocketProgress } from '../transport/socket.js';
import type { Traffic } from './keepalive.js';

/** What passes over a link: the counts of its engine, less what its socket still holds. */
export class LinkTraffic implements Traffic {
  readonly #engine: Pick<Engine, 'reading' | 'stats'>;
  readonly #socket: Pick<Socket, 'bufferedBytes' | 'progress'>;

  constructor(engine: Pick<Engine, 'reading' | 'stats'>, socket: Pick<Socket, 'bufferedBytes' | 'progress'>) {
    this.#engine = engine;
    this.#socket = socket;
  }

  get lastArrival(): number {
    return this.#engine.reading.lastArrival;
  }

  get unreadUntil(): number {
    return this.#engine.reading.unreadUntil;
  }

  get takenBytes(): number {
    return this.#engine.stats.bytesOut - this.#socket.bufferedBytes;
  }

  get waitingBytes(): number {
    return this.#socket.bufferedBytes;
  }

  get progress(): SocketProgress | undefined {
    return this.#socket.progress;
  }
}
