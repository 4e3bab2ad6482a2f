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

const denied = 'The system denies the access to it: look at its owner and permissions, and at those of its folder.';

/** The error of the library for one of the system. `path`: as it was asked for; what the system says of paths is not told. */
export function toFileError(error: unknown, path: string): FileError {
  if (error instanceof FileError) return error;
  const options = { cause: error };
  const name = quoted(path);
  // Not `instanceof Error`: the system's errors may be of another realm.
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
      return new FileNotFoundError(`There is no ${name}.`, path, options);
    case 'ENOTDIR':
      return new FileNotFoundError(`There is no ${name}: a part of the path is no folder.`, path, options);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new FileAccessError(`${name}: ${denied}`, path, options);
    case 'ENAMETOOLONG':
    case 'EILSEQ':
      return new FilePathError(`${name}: the system takes no such name (${code}). Choose another one.`, path, options);
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
      return new FileSpaceError(`${name}: no space is left for it (${code}). Make room, and try again.`, path, options);
    case 'EEXIST':
    case 'ENOTEMPTY':
      return new FileConflictError(`${name}: something is there already that is no file (${code}).`, path, options);
    default:
      return new FileIoError(`${name} failed: ${code === '' ? String(error) : code}.`, path, options);
  }
}
