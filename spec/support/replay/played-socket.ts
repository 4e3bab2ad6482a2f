import { NEVER, Subject, type Observer } from 'rxjs';
import type { Socket } from '../../../lib/transport/socket.js';
import { adoptWebSocket } from '../../../lib/transport/ws-socket.js';
import { joinFragments, type WireMessage } from '../../../lib/wire/batch.js';
import { ManualRuntime } from '../manual-runtime.js';

/** The other end of our side's socket. */
export interface PlayedEnd {
  readonly socket: Socket;
  /** How our side left it. */
  readonly state: 'open' | 'closed' | 'destroyed';
  /** Gives our side a binary message. */
  receive(message: Uint8Array): void;
  /** Gives our side a text message. */
  receiveText(text: string): void;
}

/** A socket of two Subjects. It knows no text: an adapter drops that before. */
export class PlayedSocket implements PlayedEnd {
  readonly socket: Socket;
  state: PlayedEnd['state'] = 'open';
  readonly #inbound = new Subject<Uint8Array>();

  constructor(onMessage: (message: Uint8Array) => void) {
    const outbound: Observer<WireMessage> = {
      next: (message) => {
        // Copied: the sender uses the memory again.
        if (this.state === 'open') onMessage(joinFragments(message).slice());
      },
      error: () => {
        this.#end('destroyed');
      },
      complete: () => {
        this.#end('closed');
      },
    };
    this.socket = { inbound: this.#inbound, outbound, bufferedBytes: 0, drained: NEVER };
  }

  receive(message: Uint8Array): void {
    this.#inbound.next(message);
  }

  receiveText(): void {
    throw new Error('Two Subjects carry no text. Take a PlayedWebSocket.');
  }

  #end(state: 'closed' | 'destroyed'): void {
    if (this.state !== 'open') return;
    this.state = state;
    this.#inbound.complete();
  }
}

/** A WebSocket of `ws`, as far as the adapter uses it, behind that adapter: so that text comes the way it does. */
export class PlayedWebSocket implements PlayedEnd {
  readonly socket: Socket;
  state: PlayedEnd['state'] = 'open';
  #listener: ((data: Uint8Array, isBinary: boolean) => void) | undefined = undefined;

  constructor(onMessage: (message: Uint8Array) => void) {
    const parts: Uint8Array[] = [];
    this.socket = adoptWebSocket({
      readyState: 1,
      bufferedAmount: 0,
      on: (_event: 'message', listener: (data: Uint8Array, isBinary: boolean) => void) => {
        this.#listener = listener;
      },
      send: (data: Uint8Array, options: { binary: boolean; fin: boolean }, written: () => void) => {
        parts.push(data.slice());
        if (options.fin) onMessage(joinFragments(parts.splice(0)));
        written();
      },
      close: () => {
        this.state = 'closed';
      },
      terminate: () => {
        this.state = 'destroyed';
      },
    });
  }

  receive(message: Uint8Array): void {
    this.#listener!(Buffer.from(message), true);
  }

  receiveText(text: string): void {
    this.#listener!(Buffer.from(text), false);
  }
}

/** Virtual time that knows when everything has happened that needs none. */
export class ReplayTime extends ManualRuntime {
  #deferrals = 0;

  override defer(task: () => void): void {
    this.#deferrals++;
    super.defer(task);
  }

  /** Runs what is deferred, and Promises, until nothing is left. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      const before = this.#deferrals;
      this.turn();
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#deferrals !== before) quiet = 0;
    }
  }

  /** Lets time pass until `done`, or at the most so many ms. Tells whether it is done. */
  async until(done: () => boolean, limit: number): Promise<boolean> {
    await this.settle();
    // A whole step is exact to the timer; long waits need not be.
    const step = limit > 1_000 ? 20 : 1;
    for (let passed = 0; passed < limit && !done(); passed += step) {
      this.advance(step);
      await this.settle();
    }
    return done();
  }

  /** Lets so many ms pass. */
  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms);
  }

  async sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(resolve, ms);
    });
  }
}
