import { join } from 'node:path';
import type { FileError } from '../../../files/file-error.js';
import type { FilePack, PackedFile } from '../../../files/file-pack.js';
import { maxPackedFiles, maxSmallFileBytes } from '../../../bounds.js';
import { diskPace } from '../disk/disk-pace.js';
import { PackMemory } from './pack-memory.js';
import { readPart, readPartSync, readSizeless, readSizelessSync } from './read-part.js';
import type { OpenFile } from '../disk/open-file.js';
import type { OpenFolder, RootFolder } from '../folder/root-folder.js';
import { toFileError } from '../disk/system-error.js';
import type { FolderPart, OneFile } from '../folder/walk-folder.js';

/** The files of one part of a folder: the small ones, read into packs, and those that are too large for a pack. */
export interface PackedPart {
  readonly failures: readonly FileError[];
  readonly packs: readonly FilePack[];
  /** Files that are not small. They are opened one by one, later. */
  readonly large: readonly OneFile[];
}

/** Reads the small files of a part of a folder, synchronously where the disk is quick; one file is open at a time. */
export async function packPart(root: RootFolder, part: FolderPart): Promise<PackedPart> {
  const { names, real, prefix, wanted } = part;
  const files: PackedFile[] = [];
  const failures: FileError[] = [];
  const large: OneFile[] = [];
  const fail = (error: unknown, path: string): void => {
    failures.push(toFileError(error, path));
  };
  const take = (file: PackedFile | undefined, path: string, name: string): void => {
    if (file === undefined) large.push({ path, wanted, real: join(real, name) });
    else files.push(file);
  };
  const memory = new PackMemory(names.length);
  let folder: OpenFolder | undefined;
  try {
    for (const name of names) {
      const path = prefix + name;
      if (!diskPace.takeQuick()) {
        // One after the other, since a part has one slot for an open file. Other parts are read meanwhile.
        try {
          take(await pack(await root.openFile(join(real, name), path), path), path, name);
        } catch (error) {
          fail(error, path);
        }
        continue;
      }
      try {
        folder ??= root.openFolder(real, path);
        const opened = folder;
        take(
          diskPace.measure(() => packSync(opened.open(name, path), path, memory)),
          path,
          name,
        );
      } catch (error) {
        fail(error, path);
      }
    }
  } finally {
    folder?.close();
  }
  return { failures, packs: [...packsOf(files)], large };
}

/** Reads and closes a file; undefined: it is not small. */
function packSync(file: OpenFile, path: string, memory: PackMemory): PackedFile | undefined {
  try {
    const { size } = file.stats;
    if (size > maxSmallFileBytes) return undefined;
    const { fd, stats } = file;
    const bytes =
      size === 0
        ? readSizelessSync(fd, path)
        : readPartSync(fd, { path, offset: 0, length: size, stats }, memory.take(size));
    return packed(file, path, bytes);
  } finally {
    file.close();
  }
}

async function pack(file: OpenFile, path: string): Promise<PackedFile | undefined> {
  try {
    const { size } = file.stats;
    if (size > maxSmallFileBytes) return undefined;
    const { fd, stats } = file;
    const bytes = await (size === 0 ? readSizeless(fd, path) : readPart(fd, { path, offset: 0, length: size, stats }));
    return packed(file, path, bytes);
  } finally {
    file.close();
  }
}

function packed({ stats: { mode, mtimeMs } }: OpenFile, path: string, bytes: Uint8Array): PackedFile {
  // A header cannot express a time before 1970.
  return { path, mode: mode & 0o777, bytes, ...(mtimeMs >= 0 ? { mtime: Math.floor(mtimeMs) } : {}) };
}

function* packsOf(files: readonly PackedFile[]): Generator<FilePack> {
  let begin = 0;
  let bytes = 0;
  for (let at = 0; at < files.length; at++) {
    const { length } = files[at]!.bytes;
    if (at > begin && (bytes + length > maxSmallFileBytes || at - begin === maxPackedFiles)) {
      yield { kind: 'pack', files: files.slice(begin, at) };
      begin = at;
      bytes = 0;
    }
    bytes += length;
  }
  if (begin < files.length) yield { kind: 'pack', files: files.slice(begin) };
}
