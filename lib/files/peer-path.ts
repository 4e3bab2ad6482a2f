import { FileOutsideRootError, FilePathError } from './file-error.js';
import { maxPathBytes, maxPathLevels } from '../limits.js';
import { printable } from '../printable.js';

/*
 * The one place that checks paths which another side supplied: in a request, in the header of a file, in a pack, in a
 * listing. Whoever uses such a path calls `peerParts` before anything else.
 */

/** Names of files on their way, which are never listed, read or written by request. */
const ownNames = /^\..+\.rxgrid-(?:part|tmp|own)$/s;
/** A path in a message is cut to so many units: it may have megabytes. */
const shownUnits = 200;

/** True for the name of a file on its way: see `docs/files.md`. */
export function isOwnName(name: string): boolean {
  return name.startsWith('.') && ownNames.test(name);
}

/** A path for the text of an error: quoted, without control characters, and not longer than a line or two. */
export function quoted(path: string): string {
  return `"${printable(path, shownUnits).replaceAll('"', '\\"')}"`;
}

/**
 * The parts of a relative path with slashes, without empty ones and without `.`. None of them is `..`, or a name that
 * rxgrid uses itself. `windows`: a backslash and a colon separate parts on this system, so neither may be in a name.
 *
 * The path is read once, from the front, and not beyond the first thing that is wrong with it.
 *
 * @throws FilePathError where the path has more than 4 096 bytes or 128 levels, a NUL, or a name of rxgrid's own.
 * @throws FileOutsideRootError where the path is absolute or has a `..`.
 */
export function peerParts(path: string, windows = false): string[] {
  // A unit of a string has at least one byte: what is longer is refused unread.
  if (path.length > maxPathBytes) throw tooLong(path);
  const parts: string[] = [];
  let begin = 0;
  let bytes = 0;
  for (let at = 0; at <= path.length; at++) {
    // NaN behind the end.
    const unit = path.charCodeAt(at);
    if (at === path.length || unit === 0x2f) {
      if (unit === 0x2f && at === 0) throw outside(path);
      addPart(parts, path.slice(begin, at), path);
      begin = at + 1;
    } else if (unit === 0)
      throw new FilePathError(`${quoted(path)}: the path has a NUL. Give a path without it.`, path);
    else if (windows && (unit === 0x5c || unit === 0x3a)) throw outside(path);
    bytes += bytesOf(unit);
    if (bytes > maxPathBytes) throw tooLong(path);
  }
  return parts;
}

/**
 * {@link peerParts} of the path of a file or a folder within a stream or a listing: it names something, so it has at least
 * one part.
 *
 * @throws FilePathError also where the path is empty, or has dots and slashes alone.
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
      `${quoted(path)}: rxgrid uses this name for files on their way. Choose another name.`,
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

/** UTF-8 bytes of a unit; of a surrogate pair each has half. */
function bytesOf(unit: number): number {
  if (unit < 0x80) return 1;
  if (unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff)) return 2;
  return unit >= 0x800 ? 3 : 0;
}

function tooLong(path: string): FilePathError {
  const text = `${quoted(path)}: the path has more than ${maxPathBytes} bytes, which is the limit.`;
  // What is kept of it is for people.
  return new FilePathError(text, path.slice(0, shownUnits));
}

function outside(path: string): FileOutsideRootError {
  return new FileOutsideRootError(
    `${quoted(path)} leads out of the folder that is served. Give a path within it, relative and without '..'.`,
    path,
  );
}
