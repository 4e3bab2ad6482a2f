import { addCounts } from './add-counts.js';

/** What streams have moved, and how often and how long they waited for credit. Counts only grow. */
export interface StreamCounts {
  readonly itemsOut: number;
  readonly itemsIn: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Times that a stream had to wait for credit before its next item. */
  readonly creditStalls: number;
  /** How long streams have waited for credit, in ms. */
  readonly creditStalledMs: number;
}

/** One direction of an open stream, at this side: what may be on its way at once, and what is. In items. */
export interface DirectionCredit {
  /** The window as it is now. */
  readonly granted: number;
  /** Of that, the items that were sent and that their consumer has not released. */
  readonly used: number;
}

/** One end of an open stream, as its meter sees it. */
export interface MeteredStream {
  readonly counts: StreamCounts & {
    /** Since when it waits for credit, on the monotonic clock, in ms; undefined while it does not. */
    readonly stalledSince: number | undefined;
    /** Of the items sent, those that the other side has acknowledged. */
    readonly acknowledged: number;
  };
  /** Items that may be sent now, by their number. */
  readonly credit: number;
  /** True where no more items are sent. */
  readonly sendEnded: boolean;
  /** True where no more items come. */
  readonly receiveEnded: boolean;
  /** Items that the other side may have on the way or waiting; undefined where nothing is received. */
  readonly windowSize: number | undefined;
  /** Received items that are not released. */
  readonly held: number;
}

/** The credit of the sending direction; undefined where no more items are sent. */
export function sendingCredit({ counts, credit, sendEnded }: MeteredStream): DirectionCredit | undefined {
  if (sendEnded) return undefined;
  const used = Math.max(0, counts.itemsOut - counts.acknowledged);
  return { granted: credit + used, used };
}

/** The credit of the receiving direction; undefined where no more items come. */
export function receivingCredit({ windowSize, held, receiveEnded }: MeteredStream): DirectionCredit | undefined {
  return windowSize === undefined || receiveEnded ? undefined : { granted: windowSize, used: held };
}

/** An open stream with what its counters do not know. */
export interface OpenStream {
  /** Distinguishes it from the other streams of its route and side. */
  readonly id: number;
  /** Name of the host, or identity of the leaf, at the other end. */
  readonly peer: string;
  /** When it was opened, on the monotonic clock, in ms. */
  readonly openedAt: number;
  readonly stream: MeteredStream;
}

/** The open streams of one route at one side, and what those that have ended had counted. */
export class OpenStreams {
  readonly #open = new Set<OpenStream>();
  #past: StreamCounts = noStreamCounts;
  #lastId = 0;

  /** A stream opens. The result is given back to {@link remove}. */
  add(stream: MeteredStream, peer: string, openedAt: number): OpenStream {
    const entry = { id: ++this.#lastId, stream, peer, openedAt };
    this.#open.add(entry);
    return entry;
  }

  /** A stream has ended. */
  remove(entry: OpenStream): void {
    if (this.#open.delete(entry)) this.#past = addCounts(this.#past, entry.stream.counts);
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): IterableIterator<OpenStream> {
    return this.#open.values();
  }

  /** Of all streams, those that are open and those that have ended. */
  get counts(): StreamCounts {
    let counts = this.#past;
    for (const { stream } of this.#open) counts = addCounts(counts, stream.counts);
    return counts;
  }
}

/** The counts of streams that have done nothing. */
export const noStreamCounts: StreamCounts = {
  itemsOut: 0,
  itemsIn: 0,
  bytesOut: 0,
  bytesIn: 0,
  creditStalls: 0,
  creditStalledMs: 0,
};
