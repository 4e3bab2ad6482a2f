/**
 * Files of hosts that serve them: what a caller needs, in Node and in browsers. `rxgrid/node` has `serveFiles` and
 * `receiveFile`.
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
  type StatAnswer,
  type StatRequest,
  type WantedFile,
  type WriteReport,
  type WriteRequest,
} from './file-routes.js';
