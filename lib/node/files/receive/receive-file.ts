import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Observable, type OperatorFunction } from 'rxjs';
import { FileNotFoundError } from '../../../files/file-error.js';
import type { FileHeader, FileItem } from '../../../files/file-item.js';
import { quoted } from '../../../files/peer-path.js';
import { RateMeter } from '../../../files/rate-meter.js';
import { destinationAt } from '../disk/destination.js';
import { FileReceiver } from './file-receiver.js';
import { checkReceiveFileOptions, type ReceiveFileOptions } from './receive-options.js';
import type { ReceiveLimit } from './reception.js';

/** What {@link receiveFile} emits. */
export interface ReceiveProgress {
  /** The final path. */
  readonly path: string;
  /** Bytes of the file that are written, including those of an earlier transfer. */
  readonly received: number;
  /** Bytes of the whole file. */
  readonly total: number;
  /** Bytes per second, over about the last two seconds. */
  readonly rate: number;
  /** How the sender says that it reads the file: `kernel`, `pooled` or `browser`. Undefined where it does not say. */
  readonly mode: string | undefined;
}

/**
 * Writes a stream of one file. Under the final name there is always the whole file or nothing of it: the bytes go to a
 * temporary name in the same folder, which is renamed at the end. Emits progress; completes when the file has its name.
 *
 * The credit of an item returns when its bytes are written, so a slow disk slows the sender down. Unsubscribing gives
 * the file up and cancels the stream. An existing file is replaced; a symbolic link is replaced, too, and not followed.
 *
 * Errors: those of the source; FileCorruptError where the length or the hash is not the announced one;
 * FileConflictError where the stream does not continue the bytes that are present; NotRegularFileError where the name
 * is that of a folder or a device; FileSpaceError; FileAccessError; FileNotFoundError where the folder is missing;
 * FileIoError; ProtocolError where the source is not a stream of files.
 *
 * @throws ConfigurationError for an option that does not exist or cannot work.
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
  checkReceiveFileOptions(options);
  return receiveAt(path, options);
}

/** {@link receiveFile}, no faster than a limit. `name`: names the file in errors. */
export function receiveAt(
  path: string,
  options: ReceiveFileOptions,
  limit?: ReceiveLimit,
  name = basename(path),
): OperatorFunction<FileItem | Uint8Array, ReceiveProgress> {
  return (source) =>
    new Observable((subscriber) => {
      const began = performance.now();
      let meter: RateMeter | undefined;
      const emit = ({ offset, size, via }: FileHeader, written: number): void => {
        const received = offset + written;
        meter ??= new RateMeter(began, offset);
        subscriber.next({ path, received, total: size, rate: meter.rate(performance.now(), received), mode: via });
      };
      const receiver: FileReceiver = new FileReceiver(source, 'receiveFile', {
        name: () => name,
        single: true,
        options,
        destinationOf: () => destinationAt(path),
        limit,
        progressed: (header, written) => {
          // The last bytes are reported together with the final name.
          if (header.offset + written < header.size) emit(header, written);
        },
        done: emit,
        failed: (error) => {
          receiver.abort(error);
        },
        ended: (error) => {
          if (error === undefined) subscriber.complete();
          else subscriber.error(withFolder(error, path));
        },
      });
      subscriber.add(() => {
        receiver.stop();
      });
      receiver.start();
    });
}

/** An error that is about the folder of the file, where that is what does not exist. */
function withFolder(error: unknown, path: string): unknown {
  // The error of a host has no cause.
  const isHere =
    error instanceof FileNotFoundError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  const folder = dirname(path);
  if (!isHere || existsSync(folder)) return error;
  return new FileNotFoundError(`The folder ${quoted(folder)} does not exist here. Make it first.`, error.path, {
    cause: error,
  });
}
