import { NEVER } from 'rxjs';
import { checkOptions, oneOf, someText, whole, wholeMs, type Rule } from '../../../check.js';
import { FileNotFoundError, FilesReadOnlyError } from '../../../files/file-error.js';
import {
  fileRoutes,
  type Answer,
  type FileInfo,
  type FilePart,
  type ListBatch,
  type ListRequest,
} from '../../../files/file-routes.js';
import { quoted } from '../../../files/peer-path.js';
import {
  maxServedFiles,
  maxServedFilesPerPeer,
  maxServedWalks,
  maxServedWalksPerPeer,
  uploadIdleTimeout,
} from '../../../limits.js';
import type { Handles, Lifetime } from '../../../contract/handler.js';
import { systemRuntime, type Runtime } from '../../../runtime.js';
import { filesOf } from '../send/file-source.js';
import { listFolder, toInfo } from './list-folder.js';
import { OpenFiles, openFilesWithin, type ReleaseSlot } from './open-files.js';
import { failureOf, receiveWrites } from './receive-writes.js';
import { RootFolder } from './root-folder.js';
import { sweepRepeatedly } from './sweep.js';
import { toFileError } from './system-error.js';

/** What {@link serveFiles} serves. */
export interface ServeFilesOptions {
  /** The folder. Nothing outside it is read or written, whatever paths and symbolic links say. */
  readonly root: string;
  /** True: files may be written and replaced, and folders made. Default false. */
  readonly writable?: boolean;
  /**
   * Files that are open at once, for all peers together; further ones wait for their turn. Default 256, and less where the
   * process may have few descriptors (`ulimit -n`).
   */
  readonly maxOpenFiles?: number;
  /** Of those, for one peer: a host, or the leaves of one identity. Default 64. */
  readonly maxOpenFilesPerPeer?: number;
  /** Time without bytes, in ms, after which a file that is being written is given up. Default 60 000. */
  readonly uploadIdleTimeout?: number;
}

const serveFilesRules: Readonly<Record<keyof ServeFilesOptions, Rule>> = {
  root: someText,
  writable: oneOf(true, false),
  maxOpenFiles: whole(1),
  maxOpenFilesPerPeer: whole(1),
  uploadIdleTimeout: wholeMs(1),
};

/** What the routes of one server have in common. */
interface Server {
  readonly folder: RootFolder;
  readonly files: OpenFiles;
  readonly walks: OpenFiles;
  readonly uploadIdleTimeout: number;
  readonly runtime: Runtime;
}

const platformLifetime: Lifetime = { runtime: systemRuntime, closed$: NEVER };

/**
 * Serves the files of a folder to the other hosts and to the leaves that may call these routes: `readFile`, `listFiles`,
 * `statFile`, `writeFile` and the `rxgrid cp` command call them. Off unless this is called. Regular files and folders only.
 *
 * Every host of the cluster, and every leaf whose host lists no `leaves.routes`, can read all of the folder.
 *
 * @throws ConfigurationError where there is no such folder, where a bound is none, or where the manager serves files already.
 *
 * @example
 * serveFiles(grid, { root: '/srv/data' });
 */
export function serveFiles(manager: Handles, options: ServeFilesOptions): void {
  const lifetime = manager.lifetime ?? platformLifetime;
  const server = serverOf(options, lifetime.runtime);
  const { folder, files, walks } = server;
  manager.handle(fileRoutes.stat, async ({ path, partial = false }, { signal, caller: peer }) =>
    answer(path, async () => {
      const part = partial ? await partOf(server, path, peer, signal) : undefined;
      const info = await infoOf(folder, path).catch((error: unknown) => {
        if (partial && error instanceof FileNotFoundError) return undefined;
        throw error;
      });
      return { ...(info === undefined ? {} : { info }), ...(part === undefined ? {} : { part }) };
    }),
  );
  manager.handle(fileRoutes.list, (request, { signal, caller: peer }) => list(server, request, peer, signal));
  manager.handle(fileRoutes.read, (_, { input, signal, caller: peer }) =>
    filesOf(folder, input, {}, { files, walks, peer, signal }),
  );
  manager.handle(fileRoutes.write, (request, call) =>
    options.writable === true ? receiveWrites(server, request, call) : [failureOf(readOnly(request.path))],
  );
  if (options.writable === true) sweepRepeatedly(folder, lifetime);
}

function serverOf(options: ServeFilesOptions, runtime: Runtime): Server {
  checkOptions(options, serveFilesRules, { of: 'serveFiles', required: ['root'] });
  const total = openFilesWithin(options.maxOpenFiles ?? maxServedFiles);
  const perPeer = Math.min(options.maxOpenFilesPerPeer ?? maxServedFilesPerPeer, total);
  const walks = Math.min(maxServedWalks, total);
  return {
    folder: new RootFolder(options.root),
    // One peer never has all of them.
    files: new OpenFiles(
      total,
      options.maxOpenFilesPerPeer === undefined ? Math.min(perPeer, Math.ceil(total / 2)) : perPeer,
    ),
    walks: new OpenFiles(walks, Math.min(maxServedWalksPerPeer, Math.ceil(walks / 2))),
    uploadIdleTimeout: options.uploadIdleTimeout ?? uploadIdleTimeout,
    runtime,
  };
}

async function partOf(
  { folder, files }: Server,
  path: string,
  peer: string,
  signal: AbortSignal,
): Promise<FilePart | undefined> {
  const release = await files.take(peer, signal);
  try {
    return await folder.part(path, signal, peer);
  } finally {
    release();
  }
}

async function infoOf(folder: RootFolder, path: string): Promise<FileInfo> {
  return toInfo('', await folder.stat(path));
}

async function* list(
  { folder, walks }: Server,
  request: ListRequest,
  peer: string,
  signal: AbortSignal,
): AsyncGenerator<Answer<FileInfo> | ListBatch> {
  let release: ReleaseSlot | undefined;
  try {
    release = await walks.take(peer, signal);
    yield* listFolder(folder, request);
  } catch (error) {
    const { code, message } = toFileError(error, request.path);
    yield { failure: { code, message } };
  } finally {
    release?.();
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

function readOnly(path: string): FilesReadOnlyError {
  return new FilesReadOnlyError(
    `${quoted(path)} cannot be written: this host serves files for reading only (serveFiles with writable: true allows it).`,
    path,
  );
}
