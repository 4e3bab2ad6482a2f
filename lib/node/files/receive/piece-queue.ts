import { maxPiecesWaiting } from '../../../bounds.js';

/** Bytes of a file that wait to be written. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly release: (() => void) | undefined;
}

/** Pieces that go to the disk with one write. */
export interface PieceBatch {
  readonly buffers: readonly Uint8Array[];
  /** Bytes of all buffers. */
  readonly length: number;
  /** Returns the credit of the pieces. Call it once, when they are written or given up. */
  release(): void;
}

/** The received pieces of one file, in order. A piece holds the credit of its item until it is released. */
export class PieceQueue {
  readonly #pieces: Piece[] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** True while the receiver may take further pieces from the stream. */
  get hasRoom(): boolean {
    return this.#pieces.length < maxPiecesWaiting;
  }

  push(bytes: Uint8Array, release: (() => void) | undefined): void {
    this.#pieces.push({ bytes, release });
  }

  /** Takes as many pieces as one write may have. */
  take(): PieceBatch {
    const pieces = this.#pieces.splice(0, maxPiecesWaiting);
    return {
      buffers: pieces.map(({ bytes }) => bytes),
      length: pieces.reduce((sum, { bytes }) => sum + bytes.length, 0),
      release: () => {
        for (const { release } of pieces) release?.();
      },
    };
  }

  /** Gives all pieces up, and returns their credit. */
  clear(): void {
    for (const { release } of this.#pieces.splice(0)) release?.();
  }
}
