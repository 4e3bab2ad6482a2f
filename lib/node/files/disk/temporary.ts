import { createHash } from 'node:crypto';
import { opendir, statSync, type Dir } from 'node:fs';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import type { FilePart } from '../../../files/file-routes.js';
import { NamedFolder, type FolderHandle } from './held-folder.js';
import type { OpenFile } from './open-file.js';
import { openInSync } from './open-in.js';
import { hashFile } from './hash-file.js';
import { isOwned, ownerMark } from './owner.js';

/*
 * Names of files that are being received. They are in the folder of the final name, hence on the same file system, so
 * that a rename is atomic.
 *
 *     .NAME.OWNER.rxgrid-tmp    being written; removed after a failure
 *     .NAME.OWNER.rxgrid-own    being written; kept after a failure, so that it can be continued
 *     .NAME.rxgrid-part         not being written: a process that continues it renames it to a name of its own first
 */

const opendirOf = promisify(opendir) as (path: string) => Promise<Dir>;
/** File systems allow 255 bytes; dots, an owner of up to 44 bytes and the ending are added to the name. */
const maxNameBytes = 180;
/** What follows the name of a file: an owner has no dots, so a file whose name goes on with a dot is another one. */
const ownEnding = /^[^.]+\.rxgrid-own$/;
// Names of the resumable files that this process writes, by folder and final name.
const written = new Map<string, string>();

/** A name that no other file has. */
export function temporaryName(name: string): string {
  return sibling(name, `${ownerMark()}.rxgrid-tmp`);
}

/** A name that no other file has, for a file that can be continued. */
export function ownName(name: string): string {
  return sibling(name, `${ownerMark()}.rxgrid-own`);
}

/** The name of the bytes that an interrupted transfer has left. */
export function partialName(name: string): string {
  return sibling(name, 'rxgrid-part');
}

/** Registers a file that this process writes, so that {@link partIn} finds it meanwhile. The result unregisters it. */
export function noteWritten(folder: FolderHandle, name: string, own: string): () => void {
  const key = keyOf(folder, name);
  written.set(key, own);
  return () => {
    if (written.get(key) === own) written.delete(key);
  };
}

/**
 * The bytes of a file that an interrupted `receiveFile(path, { resume: true })` has left. Ask for the rest with
 * `readFile(…, { have })`, and continue with `receiveFile(path, { offset: have.length })`. Undefined where there are
 * none.
 */
export async function partialFile(path: string): Promise<FilePart | undefined> {
  return partIn(new NamedFolder(dirname(path)), basename(path));
}

/** {@link partialFile}, in an open folder. */
export async function partIn(
  folder: FolderHandle,
  name: string,
  signal?: AbortSignal,
  peer?: string,
): Promise<FilePart | undefined> {
  let file = openPart(folder, partialName(name));
  if (file === undefined) {
    let own: string | undefined;
    try {
      own = written.get(keyOf(folder, name));
    } catch {
      return undefined;
    }
    if (own !== undefined) file = openPart(folder, own);
    else if (await recoverPart(folder, name, signal)) file = openPart(folder, partialName(name));
  }
  if (file === undefined) return undefined;
  try {
    const length = file.stats.size;
    if (length === 0) return undefined;
    const sha256 = await hashFile({ fd: file.fd, length, signal, peer });
    return sha256 && { length, sha256 };
  } finally {
    file.close();
  }
}

/** Turns the file that a killed process has left into a part. False where there is none. */
async function recoverPart(folder: FolderHandle, name: string, signal: AbortSignal | undefined): Promise<boolean> {
  const beginning = sibling(name, '');
  let dir: Dir;
  try {
    dir = await opendirOf(folder.at());
  } catch {
    return false;
  }
  for await (const entry of dir) {
    if (signal?.aborted === true) return false;
    const own = entry.name;
    if (!own.startsWith(beginning) || !ownEnding.test(own.slice(beginning.length))) continue;
    if (isOwned(own, () => folder.lstat(own)?.mtimeMs ?? Infinity) !== false) continue;
    try {
      folder.rename(own, partialName(name));
      return true;
    } catch {
      // Another process was faster.
    }
  }
  return false;
}

function openPart(folder: FolderHandle, name: string): OpenFile | undefined {
  try {
    return openInSync(folder, name, name);
  } catch {
    return undefined;
  }
}

/** Not by its path: a folder has several, and may be renamed. Throws the system's errors. */
function keyOf(folder: FolderHandle, name: string): string {
  // The path that a user gives may be that of a link to the folder.
  const { dev, ino } = statSync(folder.at());
  return `${String(dev)} ${String(ino)} ${name}`;
}

function sibling(name: string, ending: string): string {
  const isShort = name.length <= maxNameBytes / 3 || Buffer.byteLength(name) <= maxNameBytes;
  const short = isShort ? name : createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `.${short}.${ending}`;
}
