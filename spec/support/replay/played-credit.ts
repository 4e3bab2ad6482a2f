import type { Frame } from '../../../lib/wire/frame.js';
import { Flag, Op } from '../../../lib/wire/ops.js';
import { capacities } from './recorded-handlers.js';
import type { SentFrame } from './replay-frames.js';

/**
 * The credit of both sides of a replay. Recordings have no times, so an item that is sent too early is in no sequence
 * of frames: here it shows.
 */
export class PlayedCredit {
  // What each side may still send, by mux.
  readonly #played = new Map<string, number>();
  readonly #ours = new Map<string, number>();
  readonly #handlers = new Map<string, number>();

  /** Our side opens a mux. */
  open(mux: string, handler: number): void {
    this.#handlers.set(mux, handler);
    this.#played.set(mux, capacities[handler]?.out ?? 0);
  }

  /** True where the played side may send the frame now: it holds to the credit that it has, as the reference does. */
  mayPlay(mux: string, frame: Frame): boolean {
    return !isItem(frame) || (this.#played.get(mux) ?? 0) > 0;
  }

  /** The played side sends a frame. */
  play(mux: string, frame: Frame): void {
    const { op, handler } = frame;
    if (isItem(frame)) add(this.#played, mux, -1);
    if (op === Op.ConnectMux) {
      this.#handlers.set(mux, handler);
      this.#ours.set(mux, capacities[handler]?.out ?? 0);
    } else if (op === Op.AckMux) {
      add(this.#ours, mux, this.#capacity(mux));
    } else if (op === Op.UnblockClMux || op === Op.UnblockSrvMux) {
      add(this.#ours, mux, 1);
    }
  }

  /** Our side has sent a frame. False: it had no credit for it. */
  sent({ mux, op, flags }: SentFrame): boolean {
    if (op === 'UnblockClMux' || op === 'UnblockSrvMux') add(this.#played, mux, 1);
    else if (op === 'AckMux') this.#played.set(mux, this.#capacity(mux));
    // Our side has ended it: what comes is late, and needs no credit.
    else if (op.startsWith('Disconnect')) this.#played.set(mux, Infinity);
    // A half-close takes no credit, the end of an output does, unless it ends with a fault.
    const takes = op === 'MuxServerMsg' ? !flags.includes('PayloadIsErr') : op === 'MuxClientMsg' && flags !== 'Eof';
    if (!takes) return true;
    add(this.#ours, mux, -1);
    return this.#ours.get(mux)! >= 0;
  }

  #capacity(mux: string): number {
    return capacities[this.#handlers.get(mux) ?? 0]?.in ?? 0;
  }
}

// A caller accepts one Eof beyond its window, and a half-close takes no credit.
function isItem({ op, flags }: Frame): boolean {
  return (op === Op.MuxClientMsg || op === Op.MuxServerMsg) && (flags & Flag.Eof) === 0;
}

function add(credits: Map<string, number>, mux: string, count: number): void {
  credits.set(mux, (credits.get(mux) ?? 0) + count);
}
