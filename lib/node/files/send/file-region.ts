import { basename } from 'node:path';
import { BlobRegion } from '../../../files/blob-region.js';
import { FileRegion, type OpenRegion, type RegionObserver, type RegionOptions } from '../../../files/file-region.js';
import type { RegionPort } from '../../../codec/region-item.js';
import { isNodeRegionWriter } from './region-writer.js';
import { KernelRegion } from './kernel-region.js';
import { PooledRegion } from './pooled-region.js';
import { SourceFile, type RegionHandle } from './source-file.js';

/** A file: its path, an open handle, which stays yours to close, or a Blob. */
export type RegionSource = string | RegionHandle | Blob;

/**
 * A part of a file, for a handler to return or yield in the place of its bytes, or for {@link sendfile}. Nothing is opened
 * before it is sent.
 *
 * The file must stay as it is while it is sent: replace it by renaming another one over it, never in place. Where it
 * changes all the same, the sending fails with FileChangedError.
 *
 * Errors of the sending: FileError.
 *
 * @example
 * grid.handle(download, ({ name }) => fileRegion(join(root, name)));
 */
export function fileRegion(file: RegionSource, options: RegionOptions = {}): FileRegion {
  return file instanceof Blob ? new BlobRegion(file, options) : new NodeFileRegion(file, options);
}

class NodeFileRegion extends FileRegion {
  readonly #file: string | RegionHandle;

  constructor(file: string | RegionHandle, options: RegionOptions, observer?: RegionObserver) {
    super(typeof file === 'string' ? file : (options.as ?? ''), options, observer);
    this.#file = file;
  }

  async open(port: RegionPort): Promise<OpenRegion> {
    const { as } = this.options;
    // A handle does not know its name.
    const name = as ?? (basename(this.path) || 'file');
    const file = await SourceFile.open(this.#file, name, this.options);
    try {
      return await this.#choose(file, name, port);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async #choose(file: SourceFile, name: string, port: RegionPort): Promise<OpenRegion> {
    const { hash } = this.options;
    const writer = port.writer!;
    let reason: string | undefined = 'The transport of this connection is no socket.';
    if (hash !== undefined) reason = 'The hash that was asked for needs the bytes in JavaScript.';
    else if (isNodeRegionWriter(writer)) reason = await writer.kernelRefusal();
    const pooled = new PooledRegion(file, name, hash, writer, reason);
    return reason === undefined && isNodeRegionWriter(writer) ? new KernelRegion(file, writer, pooled) : pooled;
  }

  observedBy(observer: RegionObserver): FileRegion {
    return new NodeFileRegion(this.#file, this.options, observer);
  }
}
