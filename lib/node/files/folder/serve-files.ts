import { FileNotFoundError, FilesReadOnlyError, type FileError } from '../../../files/file-error.js';
import {
  fileRoutes,
  type Answer,
  type FileInfo,
  type WriteReport,
  type WriteRequest,
} from '../../../files/file-routes.js';
import { maxFailuresWaiting } from '../../../limits.js';
import { quoted } from '../../../files/peer-path.js';
import type { Call, Handles } from '../../../contract/handler.js';
import type { FileItem } from '../../../files/file-item.js';
import { filesOf } from '../send/file-source.js';
import { listFolder, toInfo } from './list-folder.js';
import { FolderReception } from './folder-reception.js';
import { FileReceiver } from '../receive/file-receiver.js';
import { stopsAll } from '../receive/receive-files.js';
import { RootFolder } from './root-folder.js';
import { toFileError } from './system-error.js';

/** What {@link serveFiles} serves. */
export interface ServeFilesOptions {
  /** The folder. Nothing outside it is read or written, whatever paths and symbolic links say. */
  readonly root: string;
  /** True: files may be written and replaced, and folders made. Default false. */
  readonly writable?: boolean;
}

/** How far a writing is. */
interface WriteState {
  files: number;
  bytes: number;
  /** True: the caller knows these figures. */
  told: boolean;
  ended: { readonly error?: unknown } | undefined;
}

/**
 * Serves the files of a folder to the other hosts and to the leaves that may call these routes: `readFile`, `listFiles`,
 * `statFile`, `writeFile` and the `rxgrid cp` command call them. Off unless this is called. Regular files and folders only.
 *
 * Every host of the cluster, and every leaf whose host lists no `leaves.routes`, can read all of the folder.
 *
 * @throws ConfigurationError where there is no such folder, or the manager serves files already.
 *
 * @example
 * serveFiles(grid, { root: '/srv/data' });
 */
export function serveFiles(manager: Handles, { root, writable = false }: ServeFilesOptions): void {
  const folder = new RootFolder(root);
  manager.handle(fileRoutes.stat, async ({ path, partial = false }, { signal }) =>
    answer(path, async () => {
      const part = partial ? await folder.part(path, signal) : undefined;
      const info = await infoOf(folder, path).catch((error: unknown) => {
        if (partial && error instanceof FileNotFoundError) return undefined;
        throw error;
      });
      return { ...(info === undefined ? {} : { info }), ...(part === undefined ? {} : { part }) };
    }),
  );
  manager.handle(fileRoutes.list, (request) => listFolder(folder, request));
  manager.handle(fileRoutes.read, (_, call) => filesOf(folder, call.input));
  manager.handle(fileRoutes.write, (request, call) =>
    writable ? write(folder, request, call) : [failureOf(readOnly(request.path))],
  );
}

async function infoOf(folder: RootFolder, path: string): Promise<FileInfo> {
  return toInfo('', await folder.stat(path));
}

/** Writes what comes, and tells how far it is: the newest figures, whenever the caller asks. */
async function* write(folder: RootFolder, request: WriteRequest, call: Call<FileItem>): AsyncGenerator<WriteReport> {
  const { path, folder: many = false, resume = false, fsync = true } = request;
  const failures: WriteReport[] = [];
  const state: WriteState = { files: 0, bytes: 0, told: true, ended: undefined };
  let wake: () => void = nothing;
  const news = (): void => {
    state.told = false;
    wake();
  };
  let places: FolderReception;
  try {
    places = new FolderReception(many ? await folder.sub(path) : folder);
  } catch (error) {
    yield failureOf(toFileError(error, path));
    return;
  }
  const receiver: FileReceiver = new FileReceiver(call.input, 'files/write', {
    name: (header) => (many ? header.path : path),
    single: !many,
    options: { resume, fsync, ...(resume ? { offset: Number.MAX_SAFE_INTEGER } : {}) },
    place: (header) => places.place(many ? header : { ...header, path }),
    ...(many ? { makeFolder: (header) => places.makeFolder(header) } : {}),
    ready: () => failures.length < maxFailuresWaiting,
    progressed: (_, _written, more) => {
      state.bytes += more;
      news();
    },
    done: () => {
      state.files++;
      news();
    },
    failed: (error) => {
      if (!many || stopsAll(error)) receiver.abort(error);
      else {
        failures.push(failureOf(error));
        wake();
      }
    },
    ended: (error) => {
      state.ended = { error };
      wake();
    },
  });
  receiver.start();
  try {
    // Failures, then the newest figures, then the end: each as soon as the caller has use for it.
    for (;;) {
      const { ended } = state;
      for (const failure of failures.splice(0)) yield failure;
      receiver.resume();
      if (!state.told) {
        state.told = true;
        yield { kind: 'progress', files: state.files, bytes: state.bytes };
      } else if (ended !== undefined) {
        if (ended.error !== undefined) yield { ...failureOf(toFileError(ended.error, path)), path: '' };
        return;
      } else if (state.ended === undefined && failures.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    receiver.stop();
  }
}

async function answer<T>(path: string, work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const { code, message } = toFileError(error, path);
    return { failure: { code, message } };
  }
}

function failureOf({ path, code, message }: FileError): Extract<WriteReport, { kind: 'failure' }> {
  return { kind: 'failure', path, code, message };
}

function readOnly(path: string): FilesReadOnlyError {
  return new FilesReadOnlyError(
    `${quoted(path)} cannot be written: this host serves files for reading only (serveFiles with writable: true allows it).`,
    path,
  );
}

function nothing(): void {
  // Nobody waits.
}
