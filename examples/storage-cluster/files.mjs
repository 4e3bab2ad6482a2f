// Reading, hashing and listing the files that are to be stored.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileRegion } from 'rxgrid/node';

/** Bytes from which on opening a file as a region costs less than copying it. */
export const leastRegion = 64 << 10;

/** A file of this disk that is sent to a host. */
export class Source {
  #file;
  #size;
  /** @type {Promise<{ size: number, sha256: string }> | undefined} */
  #digest;

  /** @param {string} file @param {number} size */
  constructor(file, size) {
    this.#file = file;
    this.#size = size;
  }

  /** What is sent: a region, whose bytes do not pass through here, or the bytes of what is small. */
  item() {
    if (this.#size >= leastRegion) {
      this.#digest = digestOf(createReadStream(this.#file, { highWaterMark: 1 << 20 }));
      // digest() tells it.
      this.#digest.catch(() => undefined);
      return fileRegion(this.#file);
    }
    // Handing the few system calls for a small file to other threads takes longer than making them.
    const bytes = readFileSync(this.#file);
    this.#digest = digestOf([bytes]);
    return bytes;
  }

  /** Of the file, by a reading of its own. After `item()`. */
  async digest() {
    return /** @type {Promise<{ size: number, sha256: string }>} */ (this.#digest);
  }
}

/** Size and hash of chunks as they pass. */
export class Sum {
  #hash = createHash('sha256');
  #size = 0;

  add(chunk) {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  /** Once, at the end. */
  digest() {
    return { size: this.#size, sha256: this.#hash.digest('hex') };
  }
}

export async function digestOf(chunks) {
  const sum = new Sum();
  for await (const chunk of chunks) sum.add(chunk);
  return sum.digest();
}

/** All regular files below a folder, and how many symbolic links were skipped. */
export async function walk(folder) {
  const files = [];
  let links = 0;
  const visit = async (below) => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = below + entry.name;
      if (entry.isSymbolicLink()) links++;
      else if (entry.isDirectory()) await visit(`${path}/`);
      else if (entry.isFile()) files.push({ path, size: (await stat(join(folder, path))).size });
    }
  };
  await visit('');
  return { files, links };
}
