import type { Engine } from '../mux/engine.js';
import type { Socket } from '../transport/socket.js';
import type { Arrivals } from './silence.js';

/** When messages and bytes of the peer arrived over a link: its engine and its socket know it. */
export class LinkArrivals implements Arrivals {
  readonly #engine: Pick<Engine, 'reading'>;
  readonly #socket: Pick<Socket, 'readBytes'>;

  constructor(engine: Pick<Engine, 'reading'>, socket: Pick<Socket, 'readBytes'>) {
    this.#engine = engine;
    this.#socket = socket;
  }

  get lastArrival(): number {
    return this.#engine.reading.lastArrival;
  }

  get unreadUntil(): number {
    return this.#engine.reading.unreadUntil;
  }

  get readBytes(): number | undefined {
    return this.#socket.readBytes;
  }
}
