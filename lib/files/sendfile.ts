import { map, type OperatorFunction } from 'rxjs';
import type { DuplexStream } from '../contract/duplex-stream.js';
import { BlobRegion } from './blob-region.js';
import { FileRegion, type FileProgress, type RegionOptions } from './file-region.js';
import { sendRegions, type SendfileOptions } from './send-regions.js';

/**
 * A region of a Blob or File, which a handler may return or yield in the place of its bytes, and {@link sendfile}
 * takes.
 */
export function fileRegion(blob: Blob, options: RegionOptions = {}): FileRegion {
  return new BlobRegion(blob, options);
}

/**
 * Sends Blobs, Files, and regions of them to an open stream, one after the other, as its credit allows, and then
 * half-closes it. Emits after each frame; completes when the half-close has been sent. In Node, use `sendfile` of
 * `rxgrid/node`, which also sends files by their paths.
 *
 * Unsubscribing before the end cancels the stream at the next frame boundary.
 *
 * Errors: FileError; that of the source; that of the call.
 *
 * @example
 * of(input.files[0]).pipe(sendfile(stream)).subscribe((progress) => bar.update(progress.sent));
 */
export function sendfile(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a stream of any input and output.
  stream: DuplexStream<any, any>,
  options: SendfileOptions = {},
): OperatorFunction<Blob | FileRegion, FileProgress> {
  return (source) =>
    sendRegions(source.pipe(map((item) => (item instanceof FileRegion ? item : fileRegion(item)))), stream, options);
}
