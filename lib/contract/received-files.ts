import { pipedOf } from '../piped.js';
import { printable } from '../printable.js';
import type { FileMeter, MovingFile } from '../metrics/call-meter.js';

/** A stream whose files are counted. */
export interface FileStream {
  readonly transfers: FileMeter;
  readonly route: string;
  readonly peer: string;
}

/** Characters of a path that is kept for observers. */
const maxPathLength = 1_024;

/** Begins to count a file that is sent or received. */
export function beginTransfer(
  { transfers, route, peer }: FileStream,
  direction: 'send' | 'receive',
  file: { readonly path: string; readonly total: number; readonly mode: string | undefined },
  now: number,
): MovingFile {
  return transfers.begin({ direction, ...file, path: printable(file.path, maxPathLength), route, peer }, now);
}

/** The part of a FileItem that this layer reads. */
interface ReceivedItem {
  readonly kind?: unknown;
  readonly path?: unknown;
  readonly length?: unknown;
  readonly via?: unknown;
  readonly bytes?: { readonly length: number };
}

/** Counts the files that come in one stream, by its decoded items. */
export class ReceivedFiles {
  readonly #stream: FileStream;
  #transfer: MovingFile | undefined = undefined;

  constructor(stream: FileStream) {
    this.#stream = stream;
  }

  /** One item, at the time `now` of the monotonic clock, in ms. */
  item(value: unknown, now: number): void {
    const item = value as ReceivedItem;
    if (item.kind === 'data') {
      if (this.#transfer !== undefined) this.#transfer.moved += (pipedOf(item) ?? item).bytes?.length ?? 0;
      return;
    }
    const { kind, path, length, via } = item;
    this.end();
    // The header of a folder has a slash at its end, and no data.
    if (kind !== 'header' || typeof path !== 'string' || path.endsWith('/')) return;
    const total = typeof length === 'number' ? length : 0;
    const mode = typeof via === 'string' ? printable(via) : undefined;
    this.#transfer = beginTransfer(this.#stream, 'receive', { path, total, mode }, now);
  }

  /** The stream has ended. */
  end(): void {
    this.#transfer?.end();
    this.#transfer = undefined;
  }
}
