import {
  FileAccessError,
  FileConflictError,
  FileError,
  FileIoError,
  FileNotFoundError,
  FilePathError,
  FileSpaceError,
  NotRegularFileError,
} from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';

const denied = 'the system denies access. Check the owner and the permissions of the file and of its folder.';
const restricted =
  "Node's permission model denies access. Allow the path with --allow-fs-read and --allow-fs-write; fsync does not work under it, so give fsync: false.";

const readOnlySystem = 'the file system is read-only (EROFS). Choose another folder, or mount it for writing.';

/** Calls of the system that are denied by the permissions of the folder, not by those of the entry. */
const folderCalls: ReadonlySet<unknown> = new Set(['mkdir', 'rename', 'renameat', 'unlink', 'rmdir']);

/** Turns an error of the system into a FileError. `path`: as it was asked for; the real path is not revealed. */
export function toFileError(error: unknown, path: string): FileError {
  if (error instanceof FileError) return error;
  const options = { cause: error };
  const name = quoted(path);
  const code = fieldOf(error, 'code');
  switch (code) {
    case 'ENOENT':
      return new FileNotFoundError(`${name} does not exist.${undecodableHint(path)}`, path, options);
    case 'ENOTDIR':
      return new FileNotFoundError(`${name} does not exist: a part of the path is not a folder.`, path, options);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ERR_ACCESS_DENIED':
      return accessError(error, code, path);
    case 'ENAMETOOLONG':
    case 'EILSEQ':
      return new FilePathError(
        `${name}: the system does not accept this name (${code}). Choose another one.`,
        path,
        options,
      );
    case 'EMFILE':
    case 'ENFILE':
      return new FileIoError(
        `${name}: too many files are open (${code}). Try again later, or raise the limit of this system (ulimit -n).`,
        path,
        options,
      );
    case 'EISDIR':
    case 'ELOOP':
    case 'ENXIO':
      return new NotRegularFileError(`${name} is not a regular file.`, path, options);
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new FileSpaceError(
        `${name}: no space is left on the disk (${code}). Make room, and try again.`,
        path,
        options,
      );
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new FileConflictError(
        `${name}: the name is taken by something that is not a file, or by a folder that is not empty (${code}).`,
        path,
        options,
      );
    default:
      return new FileIoError(
        `${name}: reading or writing failed: ${code === '' ? String(error) : code}.`,
        path,
        options,
      );
  }
}

/** The error for a file that could not be created: the system's, unless the folder denies it. */
export function creationError(error: unknown, path: string): unknown {
  const code = fieldOf(error, 'code');
  return code === 'EACCES' || code === 'EPERM' ? deniedByFolder(error, code, path) : error;
}

/** True where the process, or the system, has no descriptor left. Also for a FileError with that cause. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = fieldOf(error instanceof FileError ? error.cause : error, 'code');
  return code === 'EMFILE' || code === 'ENFILE';
}

function accessError(cause: unknown, code: string, path: string): FileAccessError {
  if (code === 'ERR_ACCESS_DENIED') return new FileAccessError(`${quoted(path)}: ${restricted}`, path, { cause });
  if (code === 'EROFS') return new FileAccessError(`${quoted(path)}: ${readOnlySystem}`, path, { cause });
  if (folderCalls.has(fieldOf(cause, 'syscall'))) return deniedByFolder(cause, code, path);
  return new FileAccessError(`${quoted(path)}: ${denied}`, path, { cause });
}

function deniedByFolder(cause: unknown, code: string, path: string): FileAccessError {
  return new FileAccessError(
    `${quoted(path)}: its folder does not let the writing process add, rename or remove entries (${code}). Give that process write permission for the folder, or choose another one.`,
    path,
    { cause },
  );
}

/**
 * A field of an error; empty where there is none. Not by `instanceof Error`: the system's errors may be of another
 * realm.
 */
function fieldOf(error: unknown, field: 'code' | 'syscall'): string {
  if (typeof error !== 'object' || error === null) return '';
  const value = (error as Partial<Record<typeof field, unknown>>)[field];
  return typeof value === 'string' ? value : '';
}

/**
 * True for a name that is not UTF-8. Node puts a replacement character in the place of what it cannot decode, and no
 * file has the name that results. `exists` is asked about names with that character only, which may also be in a real
 * name.
 */
export function isUndecodable(name: string, exists: () => boolean): boolean {
  return name.includes('\ufffd') && !exists();
}

/** The error for a name that {@link isUndecodable}. */
export function undecodableName(path: string): FilePathError {
  return new FilePathError(`${quoted(path)}: the name is not in UTF-8, so it cannot be used. Rename it.`, path);
}

function undecodableHint(path: string): string {
  return path.includes('\ufffd') ? ' If its name is not in UTF-8, it cannot be copied: rename it.' : '';
}
