import { NEVER } from 'rxjs';
import { checkOptions, oneOf, someText, whole, wholeMs, type Rule } from '../../../check.js';
import { ConfigurationError } from '../../../errors.js';
import { FileNotFoundError, type FailureMessage, type FileError } from '../../../files/file-error.js';
import {
  fileRoutes,
  type Answer,
  type FileInfo,
  type FilePart,
  type ListBatch,
  type ListRequest,
  type RemoveAnswer,
  type RemoveRequest,
} from '../../../files/file-routes.js';
import { notRemovable, notWritable } from '../../../files/refusals.js';
import { maxServedWalks, maxServedWalksPerPeer } from '../../../bounds.js';
import { maxServedFiles, maxServedFilesPerPeer, uploadIdleTimeout } from '../../../limits.js';
import type { Handles, Lifetime } from '../../../contract/handler.js';
import { systemRuntime, type Runtime } from '../../../runtime.js';
import { filesOf } from '../send/file-source.js';
import { listFolder, toInfo } from './list-folder.js';
import { SlotPool, slotsWithin, type ReleaseSlot } from '../disk/slot-pool.js';
import { receiveWrites } from './receive-writes.js';
import { failureOf } from './write-reports.js';
import { removeTree } from '../folder/remove-tree.js';
import { RootFolder } from '../folder/root-folder.js';
import { sweepRepeatedly } from '../folder/sweep.js';
import { toFileError } from '../disk/system-error.js';

/** Options of {@link serveFiles}. */
export interface ServeFilesOptions {
  /** The served folder. Nothing outside it is read or written, whatever paths and symbolic links say. */
  readonly root: string;
  /** True: peers may write and replace files, and make folders. Default false. */
  readonly writable?: boolean;
  /** True: peers may remove files and folders, with `removeFile` and `rxgrid rm`; needs `writable`. Default false. */
  readonly removable?: boolean;
  /**
   * Files that are open at once, for all peers together; further ones wait for their turn. Default 256, or fewer where
   * the process has a low limit of descriptors (`ulimit -n`).
   */
  readonly maxOpenFiles?: number;
  /** Files that are open at once for one peer: a host, or the leaves of one identity. Default 64. */
  readonly maxOpenFilesPerPeer?: number;
  /** Time without bytes, in ms, after which a file that a peer writes is given up. Default 60 000. */
  readonly uploadIdleTimeout?: number;
}

const serveFilesRules: Readonly<Record<keyof ServeFilesOptions, Rule>> = {
  root: someText,
  writable: oneOf(true, false),
  removable: oneOf(true, false),
  maxOpenFiles: whole(1),
  maxOpenFilesPerPeer: whole(1),
  uploadIdleTimeout: wholeMs(1),
};

/** What the handlers of one server share. */
interface Server {
  readonly folder: RootFolder;
  /** Slots for open files. */
  readonly files: SlotPool;
  /** Slots for walks through folders. */
  readonly walks: SlotPool;
  readonly uploadIdleTimeout: number;
  readonly runtime: Runtime;
}

const platformLifetime: Lifetime = { runtime: systemRuntime, closed$: NEVER };

/**
 * Serves the regular files and the folders below a folder. `readFile`, `listFiles`, `statFile`, `writeFile`,
 * `removeFile` and the commands `rxgrid cp`, `ls`, `stat` and `rm` call the routes. A host serves no files unless it
 * calls this function.
 *
 * Every host of the cluster may read all of the folder, and so may every leaf, unless `leaves.routes` excludes the
 * routes.
 *
 * @throws ConfigurationError where there is no such folder, for an option that does not exist or cannot work, or where
 * the manager serves files already.
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
    options.writable === true ? receiveWrites(server, request, call) : [failureOf(notWritable(request.path))],
  );
  manager.handle(fileRoutes.remove, (request, { signal, caller: peer }) =>
    options.removable === true
      ? remove(server, request, peer, signal)
      : [{ failure: messageOf(notRemovable(request.path)) }],
  );
  if (options.writable === true) sweepRepeatedly(folder, lifetime);
}

function serverOf(options: ServeFilesOptions, runtime: Runtime): Server {
  checkOptions(options, serveFilesRules, { of: 'serveFiles', required: ['root'] });
  if (options.removable === true && options.writable !== true) {
    throw new ConfigurationError('serveFiles: removable: true needs writable: true, too.');
  }
  const total = slotsWithin(options.maxOpenFiles ?? maxServedFiles);
  const perPeer = Math.min(options.maxOpenFilesPerPeer ?? maxServedFilesPerPeer, total);
  const walks = Math.min(maxServedWalks, total);
  return {
    folder: new RootFolder(options.root),
    // By default one peer never has all of the slots.
    files: new SlotPool(
      total,
      options.maxOpenFilesPerPeer === undefined ? Math.min(perPeer, Math.ceil(total / 2)) : perPeer,
      { what: 'files', option: 'maxOpenFilesPerPeer' },
    ),
    walks: new SlotPool(walks, Math.min(maxServedWalksPerPeer, Math.ceil(walks / 2)), { what: 'folder listings' }),
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
    yield { failure: messageOf(toFileError(error, request.path)) };
  } finally {
    release?.();
  }
}

async function* remove(
  { folder, walks }: Server,
  { path, recursive }: RemoveRequest,
  peer: string,
  signal: AbortSignal,
): AsyncGenerator<Answer<RemoveAnswer>> {
  let release: ReleaseSlot | undefined;
  try {
    release = await walks.take(peer, signal);
    for await (const removed of removeTree(folder, path, { recursive, signal })) yield { value: { removed } };
  } catch (error) {
    yield { failure: messageOf(toFileError(error, path)) };
  } finally {
    release?.();
  }
}

async function answer<T>(path: string, work: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { failure: messageOf(toFileError(error, path)) };
  }
}

function messageOf({ code, message }: FileError): FailureMessage {
  return { code, message };
}
