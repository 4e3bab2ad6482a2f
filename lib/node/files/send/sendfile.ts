import type { FileHandle } from 'node:fs/promises';
import { map, type OperatorFunction } from 'rxjs';
import { FileRegion, type FileProgress, type RegionOptions } from '../../../files/file-region.js';
import { sendRegions, type SendfileOptions } from '../../../files/send-regions.js';
import type { DuplexStream } from '../../../contract/duplex-stream.js';
import { fileRegion } from './file-region.js';

/**
 * What {@link sendfile} sends: a path, a part of the file at a path, an open handle, a Blob, or a region of any of
 * them.
 */
export type SendfileSource = string | ({ readonly path: string } & RegionOptions) | FileHandle | Blob | FileRegion;

/**
 * Sends files to an open stream, one after the other, as its credit allows, and then half-closes it. Emits after each
 * frame how far it is, and how the bytes go: from the kernel, where that can be, else through a few buffers, with the
 * reason. Completes when the half-close has gone out.
 *
 * On a route of files (`fileItems`) each file goes as header, data and end; on a `raw` route the bytes go as they are.
 *
 * Unsubscribing before the end cancels the stream at the next boundary of a frame.
 *
 * Errors: FileError; that of the source; that of the call.
 *
 * @example
 * of('disk1/part.1').pipe(sendfile(stream)).subscribe((progress) => bar.update(progress.sent));
 */
export function sendfile(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a stream of any input and output.
  stream: DuplexStream<any, any>,
  options: SendfileOptions = {},
): OperatorFunction<SendfileSource, FileProgress> {
  return (source) => sendRegions(source.pipe(map(toRegion)), stream, options);
}

function toRegion(source: SendfileSource): FileRegion {
  if (source instanceof FileRegion) return source;
  if (typeof source === 'string' || source instanceof Blob || 'fd' in source) return fileRegion(source);
  const { path, ...options } = source;
  return fileRegion(path, options);
}
