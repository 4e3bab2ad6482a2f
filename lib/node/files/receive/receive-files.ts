import { Observable, type OperatorFunction } from 'rxjs';
import { FileIoError, FileSpaceError, type FileError } from '../../../files/file-error.js';
import type { FileItem } from '../../../files/file-item.js';
import { RateMeter } from '../../../files/rate-meter.js';
import { FileReceiver } from './file-receiver.js';
import { FolderReception } from '../folder/folder-reception.js';
import type { ReceiveFileOptions } from './receive-file.js';
import { RootFolder } from '../folder/root-folder.js';

/** Options of {@link receiveFiles}. */
export type ReceiveFilesOptions = Omit<ReceiveFileOptions, 'mode'>;

/** What {@link receiveFiles} emits. */
export interface ReceiveFilesProgress {
  /** The file that it is about, relative to the folder; empty for a failure without a name. */
  readonly path: string;
  /** Files that have their name. */
  readonly files: number;
  /** Bytes that are written, of all files. */
  readonly received: number;
  /** Bytes per second, over about the last two seconds. */
  readonly rate: number;
  /** How the sender says that it reads the file: see {@link ReceiveProgress.mode}. */
  readonly mode: string | undefined;
  /** Set where the file is not there and will not be. The others go on. */
  readonly failure?: FileError;
}

/**
 * Writes the files of a stream into a folder, each as {@link receiveFile} does. Paths that lead out of it are refused;
 * folders are made. What fails for one file is emitted, and does not stop the others; a full disk does.
 *
 * Errors: those of the source; FileSpaceError; FileIoError; FileCorruptError and ProtocolError where the stream itself is
 * broken. What fails one file alone is emitted: see {@link ReceiveFilesProgress.failure}.
 *
 * @throws ConfigurationError where the folder is none.
 *
 * @example
 * host2.exchange(fileRoutes.read, undefined, [{ path: 'photos', recursive: true }]).pipe(receiveFiles('/tmp/photos'));
 */
export function receiveFiles(
  folder: string,
  options: ReceiveFilesOptions = {},
): OperatorFunction<FileItem | Uint8Array, ReceiveFilesProgress> {
  const root = new RootFolder(folder);
  return (source) =>
    new Observable((subscriber) => {
      const reception = new FolderReception(root);
      const meter = new RateMeter(performance.now());
      let files = 0;
      let received = 0;
      const tell = (path: string, mode: string | undefined, failure?: FileError): void => {
        const rate = meter.rate(performance.now(), received);
        subscriber.next({ path, files, received, rate, mode, ...(failure === undefined ? {} : { failure }) });
      };
      const receiver: FileReceiver = new FileReceiver(source, 'receiveFiles', {
        name: ({ path }) => path,
        single: false,
        options,
        place: (header) => reception.place(header),
        makeFolder: (header) => reception.makeFolder(header),
        progressed: ({ path, length, via }, written, bytes) => {
          received += bytes;
          // The last bytes are told with the name.
          if (written < length) tell(path, via);
        },
        done: ({ path, via }) => {
          files++;
          tell(path, via);
        },
        failed: (error) => {
          if (stopsAll(error)) receiver.abort(error);
          else tell(error.path, undefined, error);
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

/** What would fail every other file too. */
export function stopsAll(error: FileError): boolean {
  // One that was told by the other side has no cause here.
  return error instanceof FileSpaceError || (error instanceof FileIoError && error.cause !== undefined);
}
