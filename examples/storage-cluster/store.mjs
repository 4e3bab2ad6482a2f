// The folder of one host. All bytes go to the end of one file, `data`; `index` has a line for each file that is whole.
// A file on the disk for each one that is stored would take longer than everything else here. So would asynchronous
// calls: what is read and written here is small, and in the memory of the system.
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileRegion } from 'rxgrid/node';
import { leastRegion, Sum } from './files.mjs';

export class Store {
  bytes = 0;
  /** By path: `{ path, size, sha256, extents }`; an extent is the place of a chunk in `data`, `[position, length]`. */
  #files = new Map();
  #data;
  #dataPath;
  #end;
  #index;

  /** Opens the store in a folder, with the files of an earlier run. */
  constructor(folder) {
    mkdirSync(folder, { recursive: true });
    this.#dataPath = join(folder, 'data');
    this.#data = openSync(this.#dataPath, constants.O_RDWR | constants.O_CREAT);
    this.#end = fstatSync(this.#data).size;
    this.#index = openSync(join(folder, 'index'), 'a');
    for (const file of readIndex(folder)) this.#add(file);
    // The last line of a process that was killed may be cut off.
    writeSync(this.#index, '\n');
  }

  get count() {
    return this.#files.size;
  }

  has(path) {
    return this.#files.has(path);
  }

  entries() {
    return Array.from(this.#files.values(), ({ path, size }) => ({ path, size }));
  }

  /** The bytes of a file. A generator: whoever asks slowly makes it read slowly. */
  *read(path) {
    const file = this.#files.get(path);
    if (file === undefined) throw new Error(`There is no ${path}.`);
    for (const [position, length] of file.extents) yield this.#chunk(position, length);
  }

  #chunk(position, length) {
    const chunk = Buffer.allocUnsafe(length);
    readSync(this.#data, chunk, 0, length, position);
    return chunk;
  }

  /**
   * The same for another process. What is not small comes as regions of the file that has it: their bytes go from the
   * memory of the system to the socket.
   */
  *regions(path) {
    const file = this.#files.get(path);
    if (file === undefined) throw new Error(`There is no ${path}.`);
    for (const [offset, length] of file.extents) {
      if (length >= leastRegion) yield fileRegion(this.#dataPath, { offset, length, growing: true });
      else yield this.#chunk(offset, length);
    }
  }

  /** Stores a file. Where `chunks` break off, it is as if nothing had come. */
  async write(path, chunks) {
    const sum = new Sum();
    const extents = [];
    for await (const chunk of chunks) {
      const position = this.#end;
      this.#end += chunk.length;
      sum.add(chunk);
      extents.push([position, chunk.length]);
      writeSync(this.#data, chunk, 0, chunk.length, position);
    }
    const digest = sum.digest();
    const file = { path, ...digest, extents };
    // Before the receipt: a host that is killed after it still has the file.
    writeSync(this.#index, `${JSON.stringify(file)}\n`);
    this.#add(file);
    return digest;
  }

  #add(file) {
    this.bytes += file.size - (this.#files.get(file.path)?.size ?? 0);
    this.#files.set(file.path, file);
  }
}

/** For the spec: changes a byte of a file in the store of a folder. */
export function corrupt(folder, path) {
  const [[position]] = readIndex(folder).findLast((file) => file.path === path).extents;
  const data = openSync(join(folder, 'data'), 'r+');
  const byte = Buffer.alloc(1);
  readSync(data, byte, 0, 1, position);
  byte[0] ^= 1;
  writeSync(data, byte, 0, 1, position);
  closeSync(data);
}

function readIndex(folder) {
  return readFileSync(join(folder, 'index'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        // An empty line, or one that was cut off: its file was not whole.
        return [];
      }
    });
}
