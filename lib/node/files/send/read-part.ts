import { read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { FileChangedError } from '../../../files/file-error.js';

const readOf = promisify(read);

/** What is to be read. */
export interface ReadPart {
  /** Names the file in errors. */
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** Reads a part of an open file at once. @throws FileChangedError where it is shorter. */
export function readNow(fd: number, { path, offset, length }: ReadPart): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = readSync(fd, bytes, at, length - at, offset + at);
    if (count === 0) throw truncated(path);
    at += count;
  }
  return bytes;
}

/** {@link readNow}, by the thread pool. */
export async function readWhole(fd: number, { path, offset, length }: ReadPart): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await readOf(fd, bytes, at, length - at, offset + at);
    if (bytesRead === 0) throw truncated(path);
    at += bytesRead;
  }
  return bytes;
}

function truncated(path: string): FileChangedError {
  return new FileChangedError(`${JSON.stringify(path)} became shorter while it was read. Read it again.`, path);
}
