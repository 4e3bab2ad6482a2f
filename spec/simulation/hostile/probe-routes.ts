import type { Connection, Manager } from '../../../lib/index.js';
import { duplex, raw, unary } from '../../../lib/index.js';

/** Routes on which hostile peers work: their handlers do nothing but be there, and count. */
export const probeUnary = unary({ id: 90, name: 'probe-unary', request: raw, response: raw });
/** Never answers. */
export const probeHanging = unary({ id: 91, name: 'probe-hanging', request: raw, response: raw });
/** Takes no input until it is told to stop, and gives items as fast as credit allows. */
export const probeStream = duplex({
  id: 92,
  name: 'probe-stream',
  request: raw,
  input: raw,
  output: raw,
  inCapacity: 2,
  outCapacity: 4,
});
/** Output only. */
export const probeOutput = duplex({ id: 93, name: 'probe-output', request: raw, output: raw, outCapacity: 4 });

/** What the handlers of one host did. */
export class Probes {
  /** Handlers that were started, and that run. */
  runs = 0;
  running = 0;

  /** Registers them at a host. */
  register(manager: Manager): void {
    manager.handle(probeUnary, (payload) => {
      this.runs++;
      return payload.slice();
    });
    manager.handle(probeHanging, (_, { signal }) => {
      this.runs++;
      return this.#untilAborted(signal);
    });
    const items = (signal: AbortSignal): AsyncGenerator<Uint8Array> => this.#items(signal);
    manager.handle(probeStream, (_, { signal }) => {
      this.runs++;
      return items(signal);
    });
    manager.handle(probeOutput, (_, { signal }) => {
      this.runs++;
      return items(signal);
    });
  }

  async *#items(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.running++;
    try {
      for (let index = 0; index < 1_000 && !signal.aborted; index++) yield new Uint8Array(8);
    } finally {
      this.running--;
    }
  }

  async #untilAborted(signal: AbortSignal): Promise<never> {
    this.running++;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
    this.running--;
    throw signal.reason as Error;
  }
}

/** The connection of a host to a hostile leaf. */
export type ToPeer = Connection;
