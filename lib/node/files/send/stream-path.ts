import { NotRegularFileError, type FileError } from '../../../files/file-error.js';
import { peerName, quoted } from '../../../files/peer-path.js';
import { toFileError } from '../disk/system-error.js';
import type { OneFile, Walked } from '../folder/walk-folder.js';

/*
 * The paths of a stream. A caller gives a file, or all files of a folder, another path than that of the file (`as`),
 * which may be one that no item can have. Such a file fails alone: an item that cannot be encoded would end the stream.
 */

/**
 * Yields the part of an entry whose paths an item can have, and a failure for each file whose path no item can have.
 */
export function* withValidPaths(entry: OneFile | Walked): Generator<OneFile | Walked> {
  if ('failure' in entry) {
    yield entry;
    return;
  }
  if (!('names' in entry)) {
    const failure = faultOf(entry.path, 'folder' in entry);
    yield failure === undefined ? entry : { path: entry.path, failure };
    return;
  }
  const names: string[] = [];
  for (const name of entry.names) {
    const path = entry.prefix + name;
    const failure = faultOf(path, false);
    if (failure === undefined) names.push(name);
    else yield { path, failure };
  }
  if (names.length > 0) yield { ...entry, names };
}

/** What is wrong with the path of an item; undefined: nothing. */
function faultOf(path: string, isFolder: boolean): FileError | undefined {
  try {
    peerName(path);
  } catch (error) {
    return toFileError(error, path);
  }
  if (isFolder || !path.endsWith('/')) return undefined;
  return new NotRegularFileError(
    `${quoted(path)} ends with a slash, as the path of a folder does. Give the path of a file, or ask with recursive.`,
    path,
  );
}
