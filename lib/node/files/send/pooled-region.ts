import { createHash, type Hash } from 'node:crypto';
import { read } from 'node:fs';
import type { OpenRegion, RegionPart } from '../../../files/file-region.js';
import type { RegionWriter } from '../../../mux/schedule/region-frame.js';
import { headRoom, takeBuffer } from './buffer-pool.js';
import type { SourceFile } from './source-file.js';
import { toFileError } from '../disk/system-error.js';

/** A region that is read into pooled buffers, each of which is sent with one write. */
export class PooledRegion implements OpenRegion {
  readonly mode = 'pooled';
  readonly reason: string | undefined;
  readonly name: string;
  readonly size: number;
  readonly offset: number;
  readonly length: number;
  readonly mtime: number;
  readonly permissions: number;
  readonly hash: string | undefined;
  copied = 0;

  readonly #file: SourceFile;
  readonly #writer: RegionWriter;
  readonly #hash: Hash | undefined;

  constructor(
    file: SourceFile,
    name: string,
    hash: string | undefined,
    writer: RegionWriter,
    reason: string | undefined,
  ) {
    this.#file = file;
    this.#writer = writer;
    this.name = name;
    this.reason = reason;
    ({ size: this.size, offset: this.offset, length: this.length } = file);
    ({ mtime: this.mtime, permissions: this.permissions } = file);
    this.hash = hash;
    this.#hash = hash === undefined ? undefined : createHash(hash);
  }

  part(at: number, max: number): Promise<RegionPart> {
    const buffer = takeBuffer();
    const bytes = buffer.bytes.subarray(0, Math.min(max, buffer.bytes.length));
    return new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        buffer.release();
        reject(toFileError(error, this.#file.path));
      };
      const fill = (filled: number): void => {
        // A read returns fewer bytes than requested at the end of the file, and rarely elsewhere.
        try {
          read(this.#file.fd, bytes, filled, bytes.length - filled, at + filled, (error, count) => {
            if (error !== null) fail(error);
            else if (count === 0) fail(this.#file.truncated());
            else if (filled + count < bytes.length) fill(filled + count);
            else resolve();
          });
        } catch (error) {
          fail(error);
        }
      };
      fill(0);
    }).then(() => {
      this.#hash?.update(bytes);
      return {
        length: bytes.length,
        write: (head, done) => {
          this.#writer.writeBytes(head, { bytes, room: headRoom, pooled: true }, (error) => {
            buffer.release();
            if (error === undefined) this.copied += bytes.length;
            done(error);
          });
        },
        drop: () => {
          buffer.release();
        },
      };
    });
  }

  async finish(): Promise<Uint8Array | undefined> {
    await this.#file.checkUnchanged();
    return this.#hash?.digest();
  }

  close(): void {
    this.#file.close();
  }
}
