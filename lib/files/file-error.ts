import { GridError } from '../errors.js';

/** Base of the errors about files, of this side or reported by a peer. */
export abstract class FileError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileError';
  abstract override readonly code: FileErrorCode;
  /** The file, as it was requested; empty where the peer did not name it. */
  readonly path: string;

  constructor(message: string, path: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/** There is no such file or folder. */
export class FileNotFoundError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileNotFoundError';
  readonly code = 'file-not-found';
}

/** The path leads out of the served folder: by `..`, as an absolute path, or through a symbolic link. */
export class FileOutsideRootError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileOutsideRootError';
  readonly code = 'file-outside-root';
}

/**
 * The path cannot be used: it is too long, has too many levels or a NUL, or a name that the system does not accept or
 * that rxgrid uses itself.
 */
export class FilePathError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FilePathError';
  readonly code = 'file-path';
}

/**
 * The path is that of a folder, a device, a FIFO or a socket where a file is needed, or of a file where a folder is
 * needed.
 */
export class NotRegularFileError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.NotRegularFileError';
  readonly code = 'file-not-regular';
}

/** The host does not allow changes: its `serveFiles` needs `writable: true`, or for a removal `removable: true`. */
export class FilesReadOnlyError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FilesReadOnlyError';
  readonly code = 'files-read-only';
}

/** The system, or the permission model of Node, denies access. */
export class FileAccessError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileAccessError';
  readonly code = 'file-access';
}

/** The disk is full, or a quota is used up. */
export class FileSpaceError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileSpaceError';
  readonly code = 'file-space';
}

/**
 * The received bytes are not the announced ones: the length or the hash differs, or the end is missing. The file does
 * not get its name.
 */
export class FileCorruptError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileCorruptError';
  readonly code = 'file-corrupt';
  override readonly retryable = true;
}

/**
 * The transfer conflicts with what exists: it cannot be continued, another transfer writes the same file, or the name
 * is taken.
 */
export class FileConflictError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileConflictError';
  readonly code = 'file-conflict';
}

/** The file was truncated, or written to, while it was sent. */
export class FileChangedError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileChangedError';
  readonly code = 'file-changed';
  override readonly retryable = true;
}

/** Too many requests of this peer wait for a file to be opened: try again later. */
export class FileBusyError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileBusyError';
  readonly code = 'file-busy';
  override readonly retryable = true;
}

/** No byte of a file came for a minute (`uploadIdleTimeout`), so the host gave it up. */
export class FileIdleError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileIdleError';
  readonly code = 'file-idle';
  override readonly retryable = true;
}

/** Any other failure of reading or writing. */
export class FileIoError extends FileError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.FileIoError';
  readonly code = 'file-io';
}

const classes = {
  'file-not-found': FileNotFoundError,
  'file-outside-root': FileOutsideRootError,
  'file-path': FilePathError,
  'file-not-regular': NotRegularFileError,
  'files-read-only': FilesReadOnlyError,
  'file-access': FileAccessError,
  'file-space': FileSpaceError,
  'file-corrupt': FileCorruptError,
  'file-conflict': FileConflictError,
  'file-changed': FileChangedError,
  'file-busy': FileBusyError,
  'file-idle': FileIdleError,
  'file-io': FileIoError,
} as const;

/** The code of a {@link FileError}. */
export type FileErrorCode = keyof typeof classes;

/** A failure as it goes over the wire. */
export interface FailureMessage {
  /** A {@link FileErrorCode}; an unknown code is taken for `file-io`. */
  readonly code: string;
  /** For people. */
  readonly message: string;
}

/** The error for a failure that a peer has reported. */
export function fileErrorOf({ code, message }: FailureMessage, path: string): FileError {
  const known = Object.hasOwn(classes, code) ? classes[code as FileErrorCode] : FileIoError;
  return new known(message, path);
}
