import type { FileHeader } from '../../../files/file-item.js';
import type { PackedFile } from '../../../files/file-pack.js';
import { toFileError } from '../disk/system-error.js';
import { attributesOf } from '../disk/attributes.js';
import type { Destination } from '../disk/destination.js';
import { diskPace } from '../disk/disk-pace.js';
import type { Reception } from './reception.js';
import { writeWhole } from '../disk/write-file.js';

/** The files of one received pack that are not begun yet. The credit of the pack returns when none is left. */
export class PackReader {
  readonly #files: readonly PackedFile[];
  readonly #release: (() => void) | undefined;
  #next = 0;

  constructor(files: readonly PackedFile[], release: (() => void) | undefined) {
    this.#files = files;
    this.#release = release;
  }

  get isEmpty(): boolean {
    return this.#next === this.#files.length;
  }

  /** The next file, as if it had come with a header of its own. */
  next(): { readonly header: FileHeader; readonly bytes: Uint8Array } {
    const { bytes, ...rest } = this.#files[this.#next++]!;
    return { header: { kind: 'header', size: bytes.length, offset: 0, length: bytes.length, ...rest }, bytes };
  }

  /** Returns the credit of the pack. Call it once. */
  release(): void {
    this.#release?.();
  }
}

/**
 * Writes a packed file synchronously, without a job, which takes a third of the time. False: the options or the disk
 * need a job.
 */
export function writePacked(reception: Reception, header: FileHeader, bytes: Uint8Array): boolean {
  const { options } = reception;
  const needsJob = options.fsync !== false || options.resume === true || options.offset !== undefined;
  if (needsJob || options.verify === true || !diskPace.takeQuick()) return false;
  const name = reception.name(header);
  let destination: Destination | Promise<Destination>;
  try {
    destination = reception.destinationOf(header);
    if (destination instanceof Promise) {
      // The job asks again, and reports the failure.
      destination.catch(nothing);
      return false;
    }
    const known = destination;
    diskPace.measure(() => {
      writeWhole(bytes, known, name, attributesOf(header, options));
    });
  } catch (error) {
    reception.failed(toFileError(error, name));
    return true;
  }
  reception.progressed(header, bytes.length, bytes.length);
  reception.done(header, bytes.length);
  return true;
}

function nothing(): void {
  // The job reports the failure.
}
