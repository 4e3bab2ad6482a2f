import { Observable, type OperatorFunction } from 'rxjs';
import { FileIoError, FileSpaceError, type FileError } from '../../../files/file-error.js';
import type { FileItem } from '../../../files/file-item.js';
import { RateMeter } from '../../../files/rate-meter.js';
import { FolderReception } from '../folder/folder-reception.js';
import { RootFolder } from '../folder/root-folder.js';
import { FileReceiver } from './file-receiver.js';
import { checkReceiveFilesOptions, type ReceiveFilesOptions } from './receive-options.js';
import type { ReceiveLimit } from './reception.js';

/** What {@link receiveFiles} emits. */
export interface ReceiveFilesProgress {
  /** The file that this value is about, relative to the folder; empty for a failure without a name. */
  readonly path: string;
  /** Files that have their final names. */
  readonly files: number;
  /** Bytes written, of all files. */
  readonly received: number;
  /** Bytes per second, over about the last two seconds. */
  readonly rate: number;
  /** How the sender says that it reads the file: see {@link ReceiveProgress.mode}. */
  readonly mode: string | undefined;
  /** Set where the file could not be received. The others follow. */
  readonly failure?: FileError;
}

/**
 * Writes the files of a stream into a folder, each as {@link receiveFile} does. Paths that lead out of the folder are
 * refused; folders are made. The failure of one file is emitted, and does not stop the others; a full disk does.
 *
 * Errors: those of the source; FileSpaceError; FileIoError; FileCorruptError and ProtocolError where the stream itself
 * is broken. The failure of a single file is emitted: see {@link ReceiveFilesProgress.failure}.
 *
 * @throws ConfigurationError where there is no such folder, or for an option that does not exist or cannot work.
 *
 * @example
 * host2.exchange(fileRoutes.read, undefined, [{ path: 'photos', recursive: true }]).pipe(receiveFiles('/tmp/photos'));
 */
export function receiveFiles(
  folder: string,
  options: ReceiveFilesOptions = {},
): OperatorFunction<FileItem | Uint8Array, ReceiveFilesProgress> {
  checkReceiveFilesOptions(options);
  return receiveInto(new RootFolder(folder), options);
}

/** {@link receiveFiles}, into a folder that is open already, and no faster than a limit. */
export function receiveInto(
  root: RootFolder,
  options: ReceiveFilesOptions,
  limit?: ReceiveLimit,
): OperatorFunction<FileItem | Uint8Array, ReceiveFilesProgress> {
  return (source) =>
    new Observable((subscriber) => {
      const reception = new FolderReception(root, options);
      const meter = new RateMeter(performance.now());
      let files = 0;
      let received = 0;
      const emit = (path: string, mode: string | undefined, failure?: FileError): void => {
        const rate = meter.rate(performance.now(), received);
        subscriber.next({ path, files, received, rate, mode, ...(failure === undefined ? {} : { failure }) });
      };
      const receiver: FileReceiver = new FileReceiver(source, 'receiveFiles', {
        name: ({ path }) => path,
        single: false,
        options,
        destinationOf: (header) => reception.destinationOf(header),
        makeFolder: (header) => reception.makeFolder(header),
        limit,
        progressed: ({ path, length, via }, written, bytes) => {
          received += bytes;
          // The last bytes are reported together with the final name.
          if (written < length) emit(path, via);
        },
        done: ({ path, via }) => {
          files++;
          emit(path, via);
        },
        failed: (error) => {
          if (stopsAll(error)) receiver.abort(error);
          else emit(error.path, undefined, error);
        },
        ended: (error) => {
          for (const failure of reception.finish()) emit(failure.path, undefined, failure);
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

/** True for an error with which every other file would fail, too. */
export function stopsAll(error: FileError): boolean {
  // An error that the other side has reported has no cause here.
  return error instanceof FileSpaceError || (error instanceof FileIoError && error.cause !== undefined);
}
