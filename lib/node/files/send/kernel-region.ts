import type { FileMode, OpenRegion, RegionPart } from '../../../files/file-region.js';
import type { NodeRegionWriter } from './region-writer.js';
import type { PooledRegion } from './pooled-region.js';
import type { SourceFile } from './source-file.js';
import { toFileError } from '../disk/system-error.js';

/**
 * A region that the kernel sends from its page cache to the socket. Where the kernel cannot send this file, the rest is
 * sent in pooled mode.
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
    // A frame announces its length before its bytes are read: this finds most truncations before that.
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
            truncated: () => this.#file.truncated(),
            unreadable: (cause) => toFileError(cause, this.#file.path),
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
