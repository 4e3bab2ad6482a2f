import type { FileMode, OpenRegion, RegionPart } from '../../../files/file-region.js';
import type { NodeRegionWriter } from './region-writer.js';
import type { PooledRegion } from './pooled-region.js';
import type { SourceFile } from './source-file.js';

/**
 * A region that goes from the kernel's page cache to the socket. Where the kernel does not send this file, it goes on in
 * the pooled way.
 */
export class KernelRegion implements OpenRegion {
  readonly name: string;
  readonly size: number;
  readonly offset: number;
  readonly length: number;
  readonly mtime: number;
  readonly permissions: number;
  readonly hash = undefined;
  mode: FileMode = 'kernel';
  reason: string | undefined = undefined;

  readonly #file: SourceFile;
  readonly #writer: NodeRegionWriter;
  readonly #pooled: PooledRegion;
  #copied = 0;

  constructor(file: SourceFile, writer: NodeRegionWriter, pooled: PooledRegion) {
    this.#file = file;
    this.#writer = writer;
    this.#pooled = pooled;
    ({ name: this.name, size: this.size, offset: this.offset, length: this.length } = pooled);
    ({ mtime: this.mtime, permissions: this.permissions } = pooled);
  }

  get copied(): number {
    return this.#copied + this.#pooled.copied;
  }

  part(at: number, max: number): RegionPart | Promise<RegionPart> {
    if (this.mode !== 'kernel') return this.#pooled.part(at, max);
    // A frame that has begun has promised its length: so most truncations are found before.
    this.#file.checkLength();
    return {
      length: max,
      write: (head, done) => {
        this.#writer.writeFile(
          head,
          {
            file: this.#file,
            offset: at,
            length: max,
            copied: (bytes) => {
              this.#copied += bytes;
            },
            refused: (reason) => {
              this.mode = 'pooled';
              this.reason = reason;
            },
          },
          done,
        );
      },
      drop() {},
    };
  }

  finish(): Promise<Uint8Array | undefined> {
    return this.#pooled.finish();
  }

  close(): void {
    this.#file.close();
  }
}
