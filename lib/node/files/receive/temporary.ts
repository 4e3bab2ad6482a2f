import { createHash, randomBytes } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, constants } from 'node:fs';
import { sep } from 'node:path';
import type { FilePart } from '../../../files/file-routes.js';

/*
 * A file on its way has another name beside the one that it will get: on the same file system, so that it can be renamed.
 * One that can be continued has always the same other name, any other one a name of its own.
 */

/** Names that are never listed, read or written by request. */
const ownNames = /^\..+\.rxgrid-(?:part|tmp)$/s;
/** File systems take 255 bytes; a dot, a number and the ending are added. */
const maxNameBytes = 200;
/** Tells this process from others. */
const processName = randomBytes(6).toString('hex');
let lastNumber = 0;

/** True for the name of a file on its way. */
export function isTemporary(name: string): boolean {
  return ownNames.test(name);
}

/** A name that nothing has. */
export function temporaryPath(path: string): string {
  return sibling(path, `${processName}-${String(++lastNumber)}.rxgrid-tmp`);
}

/** The name of what is there of a file whose transfer broke off. */
export function partialPath(path: string): string {
  return sibling(path, 'rxgrid-part');
}

/**
 * What is there of a file whose transfer broke off: `receiveFile(path, { resume: true })` keeps it. Ask for the rest with
 * `readFile(…, { have })`, and continue with `receiveFile(path, { offset: have.length })`. Undefined where nothing is there.
 */
export async function partialFile(path: string): Promise<FilePart | undefined> {
  let fd: number;
  try {
    fd = openSync(partialPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  let size: number;
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return undefined;
    ({ size } = stats);
    return size === 0 ? undefined : { length: size, sha256: (await hashOf(fd, size))! };
  } finally {
    closeSync(fd);
  }
}

/** SHA-256 of the first bytes of an open file. Undefined where it has fewer. */
export async function hashOf(fd: number, length: number): Promise<Uint8Array | undefined> {
  const hash = createHash('sha256');
  let left = length;
  if (length > 0) {
    const stream = createReadStream('', { fd, start: 0, end: length - 1, autoClose: false, highWaterMark: 1 << 20 });
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      left -= chunk.length;
    }
  }
  return left === 0 ? new Uint8Array(hash.digest()) : undefined;
}

// By the text alone: for small files `node:path` was a tenth of all that is done for them.
function sibling(path: string, ending: string): string {
  const start = Math.max(path.lastIndexOf('/'), sep === '/' ? -1 : path.lastIndexOf(sep)) + 1;
  const name = path.slice(start);
  const isShort = name.length <= maxNameBytes / 3 || Buffer.byteLength(name) <= maxNameBytes;
  const short = isShort ? name : createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${path.slice(0, start)}.${short}.${ending}`;
}
