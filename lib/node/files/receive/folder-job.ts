import type { FileError } from '../../../files/file-error.js';
import type { FileHeader } from '../../../files/file-item.js';
import { toFileError } from '../disk/system-error.js';
import type { FileJob } from './file-job.js';

/**
 * Takes the items between a header and its end: a {@link FileJob}, or a {@link FolderJob} where the header names a
 * folder.
 */
export type Job = Pick<FileJob, 'header' | 'hasRoom' | 'takesPipes' | 'write' | 'end' | 'fail' | 'breakOff'>;

/**
 * Creates a folder that the stream names. It is created when its header comes, and stays when the transfer fails later.
 */
export class FolderJob implements Job {
  readonly header: FileHeader;
  readonly hasRoom = true;
  readonly takesPipes = false;

  /** `name`: names the folder in errors. Exactly one of `done` and `failed` is called, later. */
  constructor(
    header: FileHeader,
    name: string,
    making: Promise<unknown>,
    ended: { done(): void; failed(error: FileError): void },
  ) {
    this.header = header;
    making.then(
      () => {
        ended.done();
      },
      (error: unknown) => {
        ended.failed(toFileError(error, name));
      },
    );
  }

  /** The header of a folder says that it has no bytes: bytes that come all the same are discarded. */
  write(_: Uint8Array, release: (() => void) | undefined): void {
    release?.();
  }

  end(): void {
    // The end of a folder has no effect: its creation began with the header.
  }

  fail(): void {
    // The creation of a folder cannot be interrupted.
  }

  breakOff(): void {
    // The creation of a folder cannot be interrupted.
  }
}
