/**
 * The caller's side of hosts that serve files, for Node and browsers. `serveFiles` and `receiveFile` are in
 * `rxgrid/node`.
 *
 * @packageDocumentation
 */

export {
  fileBytes,
  listFiles,
  readFile,
  statFile,
  writeFile,
  type FileSource,
  type ListFilesOptions,
  type ReadFileOptions,
  type WriteFileOptions,
  type WriteProgress,
} from './file-client.js';
export { removeFile, type RemoveFileOptions, type RemoveProgress } from './remove-file.js';
export {
  FileAccessError,
  FileBusyError,
  FileChangedError,
  FileConflictError,
  FileCorruptError,
  FileError,
  FileIdleError,
  FileIoError,
  FileNotFoundError,
  FileOutsideRootError,
  FilePathError,
  FilesReadOnlyError,
  FileSpaceError,
  NotRegularFileError,
  type FailureMessage,
  type FileErrorCode,
} from './file-error.js';
export type { FileData, FileEnd, FileFailure, FileHeader, FileItem } from './file-item.js';
export type { FilePack, PackedFile } from './file-pack.js';
export { fileItems } from './file-codec.js';
export {
  fileRoutes,
  type Answer,
  type FileInfo,
  type FilePart,
  type RemoveAnswer,
  type RemoveRequest,
  type StatAnswer,
  type StatRequest,
  type WantedFile,
  type WriteReport,
  type WriteRequest,
} from './file-routes.js';
