import { maxListed } from '../bounds.js';
import type { TransferFigures, TransferList } from './figures.js';

/** What is known of a file when it begins to move. */
export interface TransferStart {
  readonly direction: TransferFigures['direction'];
  readonly path: string;
  readonly route: string;
  readonly peer: string;
  readonly total: number;
  readonly mode: string | undefined;
}

/** A file on its way, as its sender or receiver counts it. */
export class Transfer {
  readonly start: TransferStart;
  readonly id: number;
  /** When it began, on the monotonic clock, in ms. */
  readonly startedAt: number;
  /** Bytes that were moved. */
  moved = 0;
  readonly #end: (transfer: Transfer) => void;

  constructor(start: TransferStart, id: number, startedAt: number, end: (transfer: Transfer) => void) {
    this.start = start;
    this.id = id;
    this.startedAt = startedAt;
    this.#end = end;
  }

  /** It is over, well or not. More than once is harmless. */
  end(): void {
    this.#end(this);
  }
}

/** The files of one process that are on their way. */
export class Transfers {
  readonly #open = new Set<Transfer>();
  #lastId = 0;

  /** A file begins to move at the time `now` of the monotonic clock, in ms. */
  begin(start: TransferStart, now: number): Transfer {
    const transfer = new Transfer(start, ++this.#lastId, now, this.#remove);
    this.#open.add(transfer);
    return transfer;
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): IterableIterator<Transfer> {
    return this.#open.values();
  }

  readonly #remove = (transfer: Transfer): void => {
    this.#open.delete(transfer);
  };
}

interface Sample {
  readonly at: number;
  readonly moved: number;
}

/** Computes figures of transfers for one observer, again and again. */
export class TransferSampler {
  readonly #transfers: Transfers;
  #before = new Map<Transfer, Sample>();

  constructor(transfers: Transfers) {
    this.#transfers = transfers;
  }

  /** The files that are on their way at the time `now` of the monotonic clock, in ms. */
  sample(now: number): TransferList {
    const present = new Map<Transfer, Sample>();
    const transfers: TransferFigures[] = [];
    for (const transfer of this.#transfers) {
      if (transfers.length === maxListed) break;
      const { id, moved, startedAt, start } = transfer;
      const { at, moved: earlier } = this.#before.get(transfer) ?? { at: startedAt, moved: 0 };
      present.set(transfer, { at: now, moved });
      const rate = now > at ? ((moved - earlier) * 1_000) / (now - at) : 0;
      transfers.push({ id, ...start, moved, rate, age: Math.max(0, now - startedAt) });
    }
    this.#before = present;
    return { open: this.#transfers.size, transfers };
  }
}
