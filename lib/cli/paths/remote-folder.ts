import { firstValueFrom } from 'rxjs';
import type { Connection } from '../../contract/connection.js';
import { FileError, FileIoError, FileNotFoundError } from '../../files/file-error.js';
import { listEntries, listFiles, statFile, type ListedEntry } from '../../files/file-client.js';
import type { FileInfo } from '../../files/file-routes.js';
import { maxListingEntries, maxPathLevels } from '../../limits.js';
import { toAsyncIterable } from '../../operators/to-async-iterable.js';
import { joinPath } from './path-text.js';

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

/** The entries of one folder of the host, as they come. @throws FileError */
export function listRemote({ connection, signal, options = {} }: Remote, path: string): AsyncIterable<FileInfo> {
  return toAsyncIterable(listFiles(connection, path, { ...limitOf(options), signal }));
}

/**
 * The entries of a folder of the host and of those below it. With exclusions, each folder is listed by itself, so that the host does
 * not enter excluded ones; else it is one listing. A folder that cannot be read does not end the others. The names are the
 * host's: check each path before it is used. More than `maxEntries` entries are a failure.
 */
export function walkRemote(
  remote: Remote,
  path: string,
  excludes?: (path: string) => boolean,
): AsyncGenerator<ListedEntry> {
  if (excludes === undefined) return walkAtOnce(remote, path);
  const { maxEntries = maxListingEntries } = remote.options ?? {};
  return limited(walkByFolder(remote, path, '', excludes), path, maxEntries);
}

async function* limited(
  entries: AsyncIterable<ListedEntry>,
  path: string,
  maxEntries: number,
): AsyncGenerator<ListedEntry> {
  let count = 0;
  for await (const entry of entries) {
    if (count++ === maxEntries) {
      const text = `The host lists more than ${String(maxEntries)} entries, which is the limit. Raise --max-entries, if the folder has so many.`;
      yield { failure: new FileIoError(text, path) };
      return;
    }
    yield entry;
  }
}

function limitOf({ maxEntries }: { readonly maxEntries?: number }): { readonly maxEntries?: number } {
  return maxEntries === undefined ? {} : { maxEntries };
}

async function* walkAtOnce({ connection, signal, options = {} }: Remote, path: string): AsyncGenerator<ListedEntry> {
  try {
    yield* toAsyncIterable(listEntries(connection, path, { ...limitOf(options), recursive: true, signal }));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    yield { failure: error };
  }
}

async function* walkByFolder(
  remote: Remote,
  path: string,
  below: string,
  excludes: (path: string) => boolean,
): AsyncGenerator<ListedEntry> {
  try {
    for await (const info of listRemote(remote, joinPath(path, below))) {
      const entry = below === '' ? info.path : `${below}/${info.path}`;
      if (excludes(entry)) continue;
      yield { info: { ...info, path: entry } };
      // A name with a slash, or an empty one, could lead to a folder that was listed already.
      if (info.type === 'folder' && isName(info.path) && depthOf(entry) < maxPathLevels) {
        yield* walkByFolder(remote, path, entry, excludes);
      }
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    yield { failure: error };
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
