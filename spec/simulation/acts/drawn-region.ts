import { FileIoError } from '../../../lib/files/file-error.js';
import { FileRegion, type OpenRegion, type RegionPart } from '../../../lib/files/file-region.js';
import type { RegionPort } from '../../../lib/codec/region-item.js';
import type { DrawnFile, FileScript } from './file-routes.js';

/** A byte of a file of a transfer. */
export function byteOf(transfer: number, file: number, at: number): number {
  return (transfer * 31 + file * 7 + at * 3 + (at >> 8)) & 0xff;
}

/** The regions of all files of a transfer. `access` waits for the disk. */
export function regionsOf({ id, files }: FileScript, access: () => Promise<void>): readonly FileRegion[] {
  return files.map((file, index) => new DrawnRegion(id, index, file, access));
}

/** A file that is nowhere: its bytes are computed, at once or when the disk has them. */
class DrawnRegion extends FileRegion {
  readonly #transfer: number;
  readonly #index: number;
  readonly #file: DrawnFile;
  readonly #access: () => Promise<void>;

  constructor(transfer: number, index: number, file: DrawnFile, access: () => Promise<void>) {
    super(`file-${index}`, {});
    this.#transfer = transfer;
    this.#index = index;
    this.#file = file;
    this.#access = access;
  }

  async open({ writer }: RegionPort): Promise<OpenRegion> {
    await this.#access();
    const { bytes: size } = this.#file;
    return {
      mode: 'pooled',
      reason: 'it is simulated',
      copied: size,
      name: this.path,
      size,
      offset: 0,
      length: size,
      mtime: undefined,
      permissions: undefined,
      hash: undefined,
      // Each second file waits for the disk at each part.
      part: (at, max) => {
        const read = (): RegionPart => this.#part(at, max, writer!);
        return this.#index % 2 === 0 ? read() : this.#access().then(read);
      },
      finish: () => undefined,
      close: () => undefined,
    };
  }

  observedBy(): FileRegion {
    return this;
  }

  #part(at: number, max: number, writer: NonNullable<RegionPort['writer']>): RegionPart {
    const { bytes: size, failAt } = this.#file;
    const length = Math.min(max, size - at);
    if (failAt >= 0 && at + length > failAt) throw new FileIoError(`${this.path} cannot be read.`, this.path);
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = byteOf(this.#transfer, this.#index, at + index);
    return {
      length,
      write: (head, done) => {
        writer.writeBytes(head, { bytes, room: 0, pooled: false }, done);
      },
      drop: () => undefined,
    };
  }
}
