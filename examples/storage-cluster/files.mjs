// Reading, hashing and listing the files that are to be stored.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const chunkBytes = 256 * 1024;

/** The bytes of a file. A generator: whoever asks slowly makes it read slowly. */
export async function* readChunks(file, size) {
  if (size <= chunkBytes) {
    // Handing the few system calls for a small file to other threads takes longer than making them.
    yield readFileSync(file);
    return;
  }
  const handle = await open(file);
  try {
    for (let offset = 0; offset < size;) {
      const length = Math.min(chunkBytes, size - offset);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset);
      if (bytesRead === 0) break;
      offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
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
