import { FilesReadOnlyError } from './file-error.js';
import { quoted } from './peer-path.js';

/** The error for a path that cannot be written, because its host serves files for reading only. */
export function notWritable(path: string): FilesReadOnlyError {
  return new FilesReadOnlyError(
    `${quoted(path)} cannot be written, because this host serves files for reading only. Its serveFiles needs writable: true (rxgrid serve: --writable).`,
    path,
  );
}

/** The error for a path that cannot be removed, because its host allows no removal. */
export function notRemovable(path: string): FilesReadOnlyError {
  return new FilesReadOnlyError(
    `${quoted(path)} cannot be removed, because this host allows no removal. Its serveFiles needs removable: true, with writable: true (rxgrid serve: --writable --removable).`,
    path,
  );
}
