import { firstValueFrom } from 'rxjs';
import { FileError, FileNotFoundError } from '../files/file-error.js';
import { listFiles, statFile } from '../files/file-client.js';
import type { FileInfo } from '../files/file-routes.js';
import { maxPathLevels } from '../limits.js';
import { toAsyncIterable } from '../operators/to-async-iterable.js';
import { joinPath, type CopyContext } from './copy.js';

/** What is in a folder of a host: an entry, with its path relative to the folder; or why a folder cannot be listed. */
export type RemoteEntry = { readonly info: FileInfo } | { readonly failure: FileError };

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
 * What is in a folder of the host and below, each folder in a list of its own: so one that cannot be read does not end
 * the others. What is excluded is not listed. The names are the host's: check each path before it is used.
 */
export async function* walkRemote(
  remote: Remote,
  path: string,
  below = '',
  excludes?: (path: string) => boolean,
): AsyncGenerator<RemoteEntry> {
  try {
    for await (const info of listRemote(remote, joinPath(path, below))) {
      const entry = below === '' ? info.path : `${below}/${info.path}`;
      if (excludes?.(entry) === true) continue;
      yield { info: { ...info, path: entry } };
      // A name with a slash, or none, would lead anywhere in the host's own tree, also to where it has been already.
      if (info.type === 'folder' && isName(info.path) && depthOf(entry) < maxPathLevels) {
        yield* walkRemote(remote, path, entry, excludes);
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
