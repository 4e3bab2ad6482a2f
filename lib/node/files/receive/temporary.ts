import { createHash, randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { FilePart } from '../../../files/file-routes.js';
import { NamedFolder, type FolderHandle } from '../folder/held-folder.js';
import type { OpenFile } from '../folder/open-file.js';
import { hashFile } from './hash-file.js';
import { openInNow } from '../folder/open-in.js';

/*
 * A file on its way has another name beside the one that it will get: on the same file system, so that it can be renamed.
 * One that can be continued has always the same other name, any other one a name of its own.
 */

/** File systems take 255 bytes; a dot, a number and the ending are added. */
const maxNameBytes = 200;
/** Tells this process from others. */
const processName = randomBytes(6).toString('hex');
let lastNumber = 0;

/** A name that nothing has. */
export function temporaryName(name: string): string {
  return sibling(name, `${processName}-${String(++lastNumber)}.rxgrid-tmp`);
}

/** The name of what is there of a file whose transfer broke off. */
export function partialName(name: string): string {
  return sibling(name, 'rxgrid-part');
}

/**
 * What is there of a file whose transfer broke off: `receiveFile(path, { resume: true })` keeps it. Ask for the rest with
 * `readFile(…, { have })`, and continue with `receiveFile(path, { offset: have.length })`. Undefined where nothing is there.
 */
export async function partialFile(path: string): Promise<FilePart | undefined> {
  return partIn(new NamedFolder(dirname(path)), basename(path));
}

/** {@link partialFile}, in a folder that is open. */
export async function partIn(
  folder: FolderHandle,
  name: string,
  signal?: AbortSignal,
  peer?: string,
): Promise<FilePart | undefined> {
  let file: OpenFile;
  try {
    file = openInNow(folder, partialName(name), name);
  } catch {
    return undefined;
  }
  try {
    const length = file.stats.size;
    if (length === 0) return undefined;
    const sha256 = await hashFile({ fd: file.fd, length, signal, peer });
    return sha256 && { length, sha256 };
  } finally {
    file.close();
  }
}

function sibling(name: string, ending: string): string {
  const isShort = name.length <= maxNameBytes / 3 || Buffer.byteLength(name) <= maxNameBytes;
  const short = isShort ? name : createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `.${short}.${ending}`;
}
