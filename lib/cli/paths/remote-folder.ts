import { firstValueFrom } from 'rxjs';
import type { Connection } from '../../contract/connection.js';
import { FileError, FileIoError, FileNotFoundError } from '../../files/file-error.js';
import { listEntries, statFile, type ListedEntry } from '../../files/file-client.js';
import type { FileInfo } from '../../files/file-routes.js';
import { maxPathLevels } from '../../bounds.js';
import { maxListingEntries } from '../../limits.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import { joinPath, shownPath } from './path-text.js';

/** A host whose folders are read. */
export interface Remote {
  readonly connection: Connection;
  /** Aborts the reading; its reason is the error. */
  readonly signal: AbortSignal;
  /** `maxEntries`: entries of a listing, at most. Default {@link maxListingEntries}. */
  readonly options?: { readonly maxEntries?: number };
}

/** A file or a folder of the host; undefined where the path does not exist. @throws FileError */
export async function remoteInfo({ connection, signal }: Remote, path: string): Promise<FileInfo | undefined> {
  try {
    return await firstValueFrom(statFile(connection, path, { signal }));
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}

/** The entries of one folder of the host, as they come, without those that it cannot name. @throws FileError */
export async function* listRemote(remote: Remote, path: string): AsyncGenerator<FileInfo> {
  for await (const entry of entriesOf(remote, path)) if ('info' in entry) yield entry.info;
}

/** The entries of one folder of the host, with the failures. @throws FileError */
export function entriesOf(
  { connection, signal, options = {} }: Remote,
  path: string,
  recursive = false,
): AsyncGenerator<ListedEntry> {
  const { maxEntries = maxListingEntries } = options;
  // One more than are taken: the error of `limited` names the option of the command.
  const listing = { recursive, signal, maxEntries: maxEntries + 1 };
  return limited(toAsyncIterable(listEntries(connection, path, listing)), path, maxEntries);
}

/**
 * The entries of a folder of the host and of those below it. With exclusions, each folder is listed by itself, so that
 * the host does not enter excluded ones; else it is one listing. A folder that cannot be read does not end the others.
 * The names are the host's: check each path before it is used. More than `maxEntries` entries are a failure.
 */
export function walkRemote(
  remote: Remote,
  path: string,
  excludes?: (path: string) => boolean,
): AsyncGenerator<ListedEntry> {
  if (excludes === undefined) return withFailure(entriesOf(remote, path, true));
  const { maxEntries = maxListingEntries } = remote.options ?? {};
  return withFailure(limited(walkByFolder(remote, path, '', excludes), path, maxEntries));
}

/** @throws FileIoError after `maxEntries` entries. */
async function* limited(
  entries: AsyncIterable<ListedEntry>,
  path: string,
  maxEntries: number,
): AsyncGenerator<ListedEntry> {
  let count = 0;
  for await (const entry of entries) {
    if (count++ === maxEntries) {
      const text = `The host lists more than ${String(maxEntries)} entries in ${shownPath(path)}, which is the limit. Raise --max-entries, if the folder has so many.`;
      throw new FileIoError(text, path);
    }
    yield entry;
  }
}

/** The entries, and as the last one the FileError that ended them. */
async function* withFailure(entries: AsyncIterable<ListedEntry>): AsyncGenerator<ListedEntry> {
  try {
    yield* entries;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    yield { failure: error };
  }
}

/** @throws FileError where the folder itself cannot be listed. */
async function* walkByFolder(
  remote: Remote,
  path: string,
  below: string,
  excludes: (path: string) => boolean,
): AsyncGenerator<ListedEntry> {
  for await (const listed of entriesOf(remote, joinPath(path, below))) {
    if ('failure' in listed) {
      if (!excludes(joinPath(below, listed.failure.path))) yield listed;
      continue;
    }
    const { info } = listed;
    const entry = below === '' ? info.path : `${below}/${info.path}`;
    if (excludes(entry)) continue;
    yield { info: { ...info, path: entry } };
    // A name with a slash, or an empty one, could lead to a folder that was listed already.
    if (info.type === 'folder' && isName(info.path) && depthOf(entry) < maxPathLevels) {
      yield* withFailure(walkByFolder(remote, path, entry, excludes));
    }
  }
}

/** Levels of a path: a hostile host may nest folders without end. */
function depthOf(path: string): number {
  return path.split('/').length;
}

/** True for a name that one entry of a folder can have. */
export function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/');
}
