import { basename } from 'node:path';
import { BlobRegion } from '../../../files/blob-region.js';
import { FileRegion, type OpenRegion, type RegionObserver, type RegionOptions } from '../../../files/file-region.js';
import type { RegionPort } from '../../../codec/region-item.js';
import { isNodeRegionWriter } from './region-writer.js';
import { KernelRegion } from './kernel-region.js';
import { PooledRegion } from './pooled-region.js';
import { SourceFile, type RegionHandle } from './source-file.js';

/** A file: its path, an open handle, which the caller closes, or a Blob. */
export type RegionSource = string | RegionHandle | Blob;

/**
 * A region of a file, which a handler may return or yield in the place of its bytes, and {@link sendfile} takes. The
 * file is opened when the region is sent.
 *
 * The file must not change while it is sent: replace files by renaming, never in place. If it does change, the sending
 * fails with FileChangedError.
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
    // A handle has no name.
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
    let reason: string | undefined = 'The transport of this connection is not a socket.';
    if (hash !== undefined) reason = 'The requested hash needs the bytes in JavaScript.';
    else if (isNodeRegionWriter(writer)) reason = await writer.kernelRefusal();
    const pooled = new PooledRegion(file, name, hash, writer, reason);
    return reason === undefined && isNodeRegionWriter(writer) ? new KernelRegion(file, writer, pooled) : pooled;
  }

  observedBy(observer: RegionObserver): FileRegion {
    return new NodeFileRegion(this.#file, this.options, observer);
  }
}
