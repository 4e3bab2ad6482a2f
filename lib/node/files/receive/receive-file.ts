import { basename } from 'node:path';
import { Observable, type OperatorFunction } from 'rxjs';
import { checkOptions, oneOf, whole, type Rule } from '../../../check.js';
import type { FileHeader, FileItem } from '../../../files/file-item.js';
import { RateMeter } from '../../../files/rate-meter.js';
import type { FileJobOptions } from './file-job.js';
import { FileReceiver } from './file-receiver.js';
import { placeAt } from './write-file.js';

/** Options of {@link receiveFile}. */
export interface ReceiveFileOptions {
  /**
   * Bytes that are here already, of an earlier try with `resume`: see {@link partialFile}. The stream may begin there, or
   * before. What is here is kept after a failure too, as with `resume`.
   */
  readonly offset?: number;
  /**
   * True: what came before a failure is kept beside the target, as `.NAME.rxgrid-part`, and can be continued. Default
   * false: nothing is left.
   */
  readonly resume?: boolean;
  /**
   * True: a stream without a hash that can be checked is refused. False: a hash is not looked at. Default: it is checked
   * where it comes. The file gets its name after the check.
   */
  readonly verify?: boolean;
  /** False: the file is not forced to the disk before it gets its name, so a power cut may lose it. Default true. */
  readonly fsync?: boolean;
  /** Permission bits. Default: those of the stream as far as the umask lets them, or the system's. */
  readonly mode?: number;
}

/** What {@link receiveFile} emits. */
export interface ReceiveProgress {
  /** The final name. */
  readonly path: string;
  /** Bytes that are written, with those that were here before. */
  readonly received: number;
  /** Bytes of the whole file. */
  readonly total: number;
  /** Bytes per second, over about the last two seconds. */
  readonly rate: number;
  /** How the sender says that it reads the file: `kernel`, `pooled` or `browser`. Undefined where it does not say. */
  readonly mode: string | undefined;
}

/**
 * Writes a stream of one file. Under its name there is the whole file or nothing of it: the bytes go to a temporary name
 * beside it, and get the name at the end. Emits progress; completes when the file has its name.
 *
 * The credit of an item returns when its bytes are written, so a slow disk holds the sender back. Unsubscribing gives the
 * file up, and cancels the stream. A name that exists is replaced; a symbolic link of that name is replaced too, not followed.
 *
 * Errors: those of the source; FileCorruptError where the length or the hash is not what was announced; FileConflictError
 * where the stream does not fit what is here; NotRegularFileError where the name is a folder or a device; FileSpaceError;
 * FileAccessError; FileNotFoundError where the folder is missing; FileIoError; ProtocolError for what is no stream of a file.
 *
 * @throws ConfigurationError for an offset or a mode that is none.
 *
 * @example
 * readFile(host2, 'disk1/part.1', { hash: 'sha256' })
 *   .pipe(receiveFile('/tmp/part.1', { verify: true }))
 *   .subscribe(({ received, total }) => bar.update(received / total));
 */
export function receiveFile(
  path: string,
  options: ReceiveFileOptions = {},
): OperatorFunction<FileItem | Uint8Array, ReceiveProgress> {
  const jobOptions = checked(options);
  return (source) =>
    new Observable((subscriber) => {
      const began = performance.now();
      let meter: RateMeter | undefined;
      const tell = ({ offset, size, via }: FileHeader, written: number): void => {
        const received = offset + written;
        meter ??= new RateMeter(began, offset);
        subscriber.next({ path, received, total: size, rate: meter.rate(performance.now(), received), mode: via });
      };
      const receiver: FileReceiver = new FileReceiver(source, 'receiveFile', {
        name: () => basename(path),
        single: true,
        options: jobOptions,
        place: () => placeAt(path),
        progressed: (header, written) => {
          // The last bytes are told when the file has its name.
          if (header.offset + written < header.size) tell(header, written);
        },
        done: tell,
        failed: (error) => {
          receiver.abort(error);
        },
        ended: (error) => {
          if (error === undefined) subscriber.complete();
          else subscriber.error(error);
        },
      });
      subscriber.add(() => {
        receiver.stop();
      });
      receiver.start();
    });
}

/** @throws ConfigurationError */
const flag = oneOf(true, false);
const receiveRules: Readonly<Record<keyof ReceiveFileOptions, Rule>> = {
  offset: whole(0, Number.MAX_SAFE_INTEGER, 'bytes'),
  resume: flag,
  verify: flag,
  fsync: flag,
  mode: {
    expected: 'permission bits, 0 to 0o777',
    accepts: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0o777,
  },
};

function checked(options: ReceiveFileOptions): FileJobOptions {
  checkOptions(options, receiveRules, { of: 'receiveFile' });
  return options;
}
