import { duplex, fileItems, raw, type } from '../../../lib/index.js';

/** One file that is sent. */
export interface DrawnFile {
  readonly bytes: number;
  /** It cannot be read from this byte on; -1: it can. */
  readonly failAt: number;
}

/** What the handler of a transfer does. */
export interface FileScript {
  /** Number of the transfer, which the bytes of its files depend on. */
  readonly id: number;
  readonly files: readonly DrawnFile[];
}

/** Files as output, in the form for files. */
export const readFiles = duplex({ id: 60, name: 'read-files', request: type<FileScript>(), output: fileItems });
/** Files as output, as nothing but their bytes. */
export const readBytes = duplex({ id: 61, name: 'read-bytes', request: type<FileScript>(), output: raw });
/** Files as input; the output is the number of files. */
export const writeFiles = duplex({
  id: 62,
  name: 'write-files',
  request: type<FileScript>(),
  input: fileItems,
  output: type<number>(),
});
