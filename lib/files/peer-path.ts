import { FileOutsideRootError, FilePathError } from './file-error.js';
import { maxPathBytes, maxPathLevels } from '../bounds.js';
import { printable } from '../printable.js';

/*
 * The one place that checks paths of a peer: those of requests, of headers, of packs and of listings. Code that uses
 * such a path calls `peerParts` before anything else.
 */

/** Names of files that are being received: they are never listed, read or written by request. */
const ownNames = /^\..+\.rxgrid-(?:part|tmp|own)$/s;
/** A path in a message is truncated to this length: it may have megabytes. */
const shownUnits = 200;

/** True for the name of a file that is being received: see `docs/files.md`. */
export function isOwnName(name: string): boolean {
  return name.startsWith('.') && ownNames.test(name);
}

/** A path for the text of an error: quoted, printable, and at most a line or two long. */
export function quoted(path: string): string {
  return `"${printable(path, shownUnits).replaceAll('"', '\\"')}"`;
}

/**
 * The parts of a relative path with slashes, without empty ones and without `.`. None of them is `..`, or a name that
 * rxgrid uses itself. `windows`: backslashes and colons separate parts on this system, so no name may have one.
 *
 * The path is read once, from the front, and only up to the first fault.
 *
 * @throws FilePathError where the path has more than 4 096 bytes or 128 levels, a NUL, or a name that rxgrid uses
 * itself.
 * @throws FileOutsideRootError where the path is absolute or has a `..`.
 */
export function peerParts(path: string, windows = false): string[] {
  // A UTF-16 unit has at least one byte in UTF-8, so a longer string need not be read.
  if (path.length > maxPathBytes) throw tooLong(path);
  const parts: string[] = [];
  let begin = 0;
  let bytes = 0;
  for (let at = 0; at <= path.length; at++) {
    // NaN after the end.
    const unit = path.charCodeAt(at);
    if (at === path.length || unit === 0x2f) {
      if (unit === 0x2f && at === 0) throw outside(path);
      addPart(parts, path.slice(begin, at), path);
      begin = at + 1;
    } else if (unit === 0)
      throw new FilePathError(`${quoted(path)}: the path has a NUL character. Give a path without it.`, path);
    else if (windows && (unit === 0x5c || unit === 0x3a)) throw outside(path);
    bytes += bytesOf(unit);
    if (bytes > maxPathBytes) throw tooLong(path);
  }
  return parts;
}

/**
 * {@link peerParts} of the path of a file or a folder in a stream or a listing, which has at least one part.
 *
 * @throws FilePathError also where the path is empty or consists of dots and slashes.
 */
export function peerName(path: string, windows = false): string[] {
  const parts = peerParts(path, windows);
  if (parts.length === 0)
    throw new FilePathError(`${quoted(path)} names no file. Give a path with a name in it.`, path);
  return parts;
}

function addPart(parts: string[], part: string, path: string): void {
  if (part === '' || part === '.') return;
  if (part === '..') throw outside(path);
  if (isOwnName(part)) {
    throw new FilePathError(
      `${quoted(path)}: rxgrid uses this name for files that are being received. Choose another name.`,
      path,
    );
  }
  if (parts.length === maxPathLevels) {
    throw new FilePathError(
      `${quoted(path)}: the path has more than ${maxPathLevels} levels, which is the limit.`,
      path,
    );
  }
  parts.push(part);
}

/** Bytes in UTF-8 of a UTF-16 unit; each half of a surrogate pair counts for half of its bytes. */
function bytesOf(unit: number): number {
  if (unit < 0x80) return 1;
  if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) return 2;
  return unit >= 0x800 ? 3 : 0;
}

function tooLong(path: string): FilePathError {
  const text = `${quoted(path)}: the path has more than ${maxPathBytes} bytes, which is the limit.`;
  // The path of the error is for people: it is truncated, too.
  return new FilePathError(text, path.slice(0, shownUnits));
}

function outside(path: string): FileOutsideRootError {
  return new FileOutsideRootError(
    `${quoted(path)} leads out of the served folder. Give a relative path without '..'.`,
    path,
  );
}
