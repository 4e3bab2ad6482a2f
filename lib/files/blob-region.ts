import type { IHasher } from 'hash-wasm';
import type { RegionPort } from '../codec/region-item.js';
import { FileIoError } from './file-error.js';
import { boundsOf, FileRegion, type OpenRegion, type RegionObserver, type RegionOptions } from './file-region.js';

/** A region of a Blob or a File. */
export class BlobRegion extends FileRegion {
  readonly #blob: Blob;

  constructor(blob: Blob, options: RegionOptions, observer?: RegionObserver) {
    super(nameOf(blob) ?? options.as ?? '', options, observer);
    this.#blob = blob;
  }

  async open({ writer }: RegionPort): Promise<OpenRegion> {
    const blob = this.#blob;
    const { size } = blob;
    const bounds = boundsOf(this.options, size);
    if (bounds === undefined) {
      throw new FileIoError(
        `The region is not within the ${String(size)} bytes of the Blob. Give an offset and a length that are.`,
        this.path,
      );
    }
    const { hash } = this.options;
    const hasher = hash === undefined ? undefined : await createHasher();
    let copied = 0;
    return {
      mode: 'browser',
      reason: 'The bytes of a Blob pass through JavaScript.',
      get copied() {
        return copied;
      },
      name: this.options.as ?? nameOf(blob) ?? 'blob',
      size,
      ...bounds,
      mtime: 'lastModified' in blob ? (blob as File).lastModified : undefined,
      permissions: undefined,
      hash,
      part: async (at, max) => {
        const bytes = await this.#read(at, max);
        hasher?.update(bytes);
        return {
          length: bytes.length,
          write: (head, done) => {
            copied += bytes.length;
            writer!.writeBytes(head, { bytes, room: 0, pooled: false }, done);
          },
          drop() {},
        };
      },
      finish: () => hasher?.digest('binary'),
      close() {},
    };
  }

  observedBy(observer: RegionObserver): FileRegion {
    return new BlobRegion(this.#blob, this.options, observer);
  }

  async #read(at: number, max: number): Promise<Uint8Array> {
    try {
      return new Uint8Array(await this.#blob.slice(at, at + max).arrayBuffer());
    } catch (error) {
      // The file of a File was removed or changed: browsers do not say which.
      throw new FileIoError(
        `${JSON.stringify(this.path)} cannot be read any more: it was removed or changed.`,
        this.path,
        { cause: error },
      );
    }
  }
}

/** Loads the hash on demand: few pages need its 10 kB of WebAssembly. */
async function createHasher(): Promise<IHasher> {
  const { createSHA256 } = await import('./sha256.js');
  return (await createSHA256()).init();
}

function nameOf(blob: Blob): string | undefined {
  return 'name' in blob && typeof blob.name === 'string' && blob.name !== '' ? blob.name : undefined;
}
