import { lstat, type Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { NotRegularFileError } from '../../../files/file-error.js';
import type { Answer, FileInfo, ListBatch, ListRequest } from '../../../files/file-routes.js';
import { quoted } from '../../../files/peer-path.js';
import { maxListedEntries } from '../../../bounds.js';
import { diskPace } from '../disk/disk-pace.js';
import type { FolderHandle } from '../disk/held-folder.js';
import type { RootFolder } from '../folder/root-folder.js';
import { toFileError } from '../disk/system-error.js';
import { walkChunks, type Chunk } from '../folder/walk-folder.js';

const lstatOf = promisify(lstat);
/** Time, in ms, after which batches that are ready synchronously give the event loop a turn. */
const turnMs = 4;

/**
 * The entries of a folder, and with `recursive` those of the folders below it, as they are read. An inner folder that
 * cannot be read is reported with `failures`, and ends the listing otherwise. A name that is not UTF-8 is reported with
 * `failures` only.
 */
export async function* listFolder(
  root: RootFolder,
  { path, recursive = false, batches = false, failures = false }: ListRequest,
): AsyncGenerator<Answer<FileInfo> | ListBatch> {
  try {
    const real = await root.resolve(path);
    if (!(await root.stat(path)).isDirectory()) throw new NotRegularFileError(`${quoted(path)} is not a folder.`, path);
    const options = { real, name: path, recursive, chunkEntries: maxListedEntries };
    let turn = performance.now();
    for await (const chunk of walkChunks(root, options)) {
      if ('failure' in chunk) {
        if (!failures && chunk.isName === true) continue;
        if (!failures || chunk.path === '') throw chunk.failure;
        const { code, message } = chunk.failure;
        yield { values: [], failures: [{ path: chunk.path, code, message }] };
        continue;
      }
      const values = await infosOf(chunk);
      if (!batches) for (const value of values) yield { value };
      else if (values.length > 0) yield { values };
      if (performance.now() - turn > turnMs) {
        await setImmediate();
        turn = performance.now();
      }
    }
  } catch (error) {
    const { code, message } = toFileError(error, path);
    yield { failure: { code, message } };
  }
}

/** The public description of a file. */
export function toInfo(path: string, stats: Stats): FileInfo {
  const type = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
  const size = type === 'file' ? stats.size : 0;
  return { path, type, size, mtime: Math.floor(stats.mtimeMs), mode: stats.mode & 0o777 };
}

async function infosOf({ folder, path, entries }: Chunk): Promise<FileInfo[]> {
  const names = entries.map(({ name }) => name);
  const stats = diskPace.takeQuick()
    ? diskPace.measure(() => names.map((name) => statusSync(folder, name)))
    : await Promise.all(names.map((name) => lstatOf(folder.at(name)).catch(nothing)));
  const infos: FileInfo[] = [];
  for (const [index, name] of names.entries()) {
    const known = stats[index];
    // The entry may be gone by now.
    if (known !== undefined) infos.push(toInfo(path === '' ? name : `${path}/${name}`, known));
  }
  return infos;
}

function statusSync(folder: FolderHandle, name: string): Stats | undefined {
  try {
    return folder.lstat(name);
  } catch {
    return undefined;
  }
}

function nothing(): undefined {
  return undefined;
}
