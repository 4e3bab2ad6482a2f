import type { Call, Manager } from '../../../lib/index.js';
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

/** Handlers of one peer: those that were started, and those that run. */
interface Runs {
  started: number;
  running: number;
}

/** What the handlers of one host did, by the peer that called them: several may attack a host at the same time. */
export class Probes {
  readonly #runs = new Map<string, Runs>();

  /** Handlers that this peer has called. */
  of(peer: string): Readonly<Runs> {
    return this.#runsOf(peer);
  }

  /** Registers them at a host. */
  register(manager: Manager): void {
    manager.handle(probeUnary, (payload, { caller }) => {
      this.#runsOf(caller).started++;
      return payload.slice();
    });
    manager.handle(probeHanging, (_, call) => this.#untilAborted(call));
    manager.handle(probeStream, (_, call) => this.#items(call));
    manager.handle(probeOutput, (_, call) => this.#items(call));
  }

  #runsOf(peer: string): Runs {
    const known = this.#runs.get(peer);
    if (known !== undefined) return known;
    const runs = { started: 0, running: 0 };
    this.#runs.set(peer, runs);
    return runs;
  }

  #items({ caller, signal }: ProbeCall): AsyncGenerator<Uint8Array> {
    const runs = this.#runsOf(caller);
    runs.started++;
    return itemsOf(runs, signal);
  }

  async #untilAborted({ caller, signal }: ProbeCall): Promise<never> {
    const runs = this.#runsOf(caller);
    runs.started++;
    runs.running++;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
    runs.running--;
    throw signal.reason as Error;
  }
}

type ProbeCall = Pick<Call<unknown>, 'caller' | 'signal'>;

async function* itemsOf(runs: Runs, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  runs.running++;
  try {
    for (let index = 0; index < 1_000 && !signal.aborted; index++) yield new Uint8Array(8);
  } finally {
    runs.running--;
  }
}
