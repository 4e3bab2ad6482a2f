import type { FileError } from '../../../files/file-error.js';
import type { FileHeader } from '../../../files/file-item.js';
import { toFileError } from '../disk/system-error.js';
import type { FileJob } from './file-job.js';

/** What a receiver does with the items between a header and its end. */
export type Job = Pick<FileJob, 'header' | 'hasRoom' | 'write' | 'end' | 'fail' | 'breakOff'>;

/** A folder of the stream that is being made. It is made at once, whatever follows, and it stays. */
export class FolderJob implements Job {
  readonly header: FileHeader;
  readonly hasRoom = true;

  /** `name`: the folder in errors. Exactly one of `done` and `failed` is called, later. */
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
    // The folder is being made since its header came.
  }

  fail(): void {
    // See above.
  }

  breakOff(): void {
    // See above.
  }
}
