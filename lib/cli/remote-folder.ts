import { firstValueFrom } from 'rxjs';
import { FileError, FileNotFoundError } from '../files/file-error.js';
import { listEntries, listFiles, statFile, type ListedEntry } from '../files/file-client.js';
import type { FileInfo } from '../files/file-routes.js';
import { maxPathLevels } from '../limits.js';
import { toAsyncIterable } from '../operators/to-async-iterable.js';
import { joinPath, type CopyContext } from './copy.js';

type Remote = Pick<CopyContext, 'connection' | 'signal'>;

/** What is known about a path of the host; undefined where there is nothing. @throws FileError */
export async function remoteInfo({ connection, signal }: Remote, path: string): Promise<FileInfo | undefined> {
  try {
    return await firstValueFrom(statFile(connection, path, { signal }));
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}

/** What is in one folder of the host, as it comes. @throws FileError */
export function listRemote({ connection, signal }: Remote, path: string): AsyncIterable<FileInfo> {
  return toAsyncIterable(listFiles(connection, path, { signal }));
}

/**
 * What is in a folder of the host and below. Where something is excluded, each folder is listed by itself, so that the host
 * does not go into what nobody wants; else all of it is one listing. A folder that cannot be read does not end the others.
 * The names are the host's: check each path before it is used.
 */
export function walkRemote(
  remote: Remote,
  path: string,
  excludes?: (path: string) => boolean,
): AsyncGenerator<ListedEntry> {
  return excludes === undefined ? walkAtOnce(remote, path) : walkByFolder(remote, path, '', excludes);
}

async function* walkAtOnce({ connection, signal }: Remote, path: string): AsyncGenerator<ListedEntry> {
  try {
    yield* toAsyncIterable(listEntries(connection, path, { recursive: true, signal }));
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
      // A name with a slash, or none, would lead anywhere in the host's own tree, also to where it has been already.
      if (info.type === 'folder' && isName(info.path) && depthOf(entry) < maxPathLevels) {
        yield* walkByFolder(remote, path, entry, excludes);
      }
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    yield { failure: error };
  }
}

/** A host may say that folders are in folders without end. */
function depthOf(path: string): number {
  return path.split('/').length;
}

/** True for a name that one entry of a folder can have. */
export function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/');
}
