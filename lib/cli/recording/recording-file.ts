import { open, type FileHandle } from 'node:fs/promises';
import { readHeader, readRecord } from '../../recording/read-record.js';
import { RecordingError } from '../../recording/recording-error.js';
import { headerLine, recordLine } from '../../recording/write-lines.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { write } from '../output/output.js';

/** Bounds of a recording. */
export interface RecordingBounds {
  readonly maxBytes: number;
  readonly maxFrames: number;
  /** True: a file that is there is overwritten. */
  readonly force?: boolean;
}

/** A recording that is being written, to a file or to standard output (`-`). What the host sends is checked before. */
export class RecordingFile {
  readonly #path: string;
  readonly #bounds: RecordingBounds;
  #file: FileHandle | undefined = undefined;
  #bytes = 0;
  #frames = 0;
  #lines = 0;
  #lastTime = 0;
  #missing = 0;
  readonly #links = new Set<number>();

  constructor(path: string, bounds: RecordingBounds) {
    this.#path = path;
    this.#bounds = bounds;
  }

  /** True once something is written. */
  get began(): boolean {
    return this.#lines > 0;
  }

  /** Records that the host left out, because this reader was too slow for it. */
  get missing(): number {
    return this.#missing;
  }

  /** Its frames, connections and bytes, in words. */
  get summary(): string {
    const kilobytes = (this.#bytes / 1024).toFixed(1);
    return `${String(this.#frames)} frames of ${String(this.#links.size)} connections (${kilobytes} KiB)`;
  }

  /**
   * Adds lines of the host. The result says why no more are taken; it is empty while there is room.
   *
   * @throws Failure where they are no recording, or the file cannot be written.
   */
  async add(lines: string): Promise<string> {
    const checked: string[] = [];
    let full = '';
    for (const line of lines.split('\n')) {
      if (line === '') continue;
      const next = this.#checked(line);
      full = this.#fullBy(next);
      if (full !== '') break;
      checked.push(next);
      this.#bytes += next.length + 1;
    }
    await this.#write(checked.map((line) => `${line}\n`).join(''));
    return full;
  }

  /** Writes the last line, where something was written, and closes the file. */
  async close(reason: string): Promise<void> {
    try {
      if (this.began && reason !== '') await this.#write(`${recordLine({ kind: 'end', t: this.#lastTime, reason })}\n`);
    } finally {
      await this.#file?.close();
    }
  }

  #checked(line: string): string {
    this.#lines++;
    try {
      if (this.#lines === 1) return headerLine(readHeader(line));
      const record = readRecord(line, this.#lines);
      this.#lastTime = record.t;
      if (record.kind === 'frame') this.#frames++;
      if (record.kind === 'gap') this.#missing += record.records;
      if (record.kind === 'opened') this.#links.add(record.link);
      return recordLine(record);
    } catch (error) {
      if (error instanceof RecordingError) throw new Failure(`the host sent an invalid recording: ${error.message}`);
      throw error;
    }
  }

  #fullBy(line: string): string {
    const { maxBytes, maxFrames } = this.#bounds;
    if (this.#frames > maxFrames) {
      this.#frames--;
      return `it has ${String(maxFrames)} frames (--max-frames)`;
    }
    return this.#bytes + line.length > maxBytes
      ? `it would have more than ${String(maxBytes)} bytes (--max-bytes)`
      : '';
  }

  async #write(text: string): Promise<void> {
    if (this.#path === '-') {
      await write(text);
      return;
    }
    const name = JSON.stringify(this.#path);
    try {
      this.#file ??= await open(this.#path, this.#bounds.force === true ? 'w' : 'wx', 0o600);
      await this.#file.writeFile(text);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw new Failure(`${name} is there already. --force overwrites it.`, exitCodes.usage);
      throw new Failure(`${name} cannot be written (${code ?? String(error)}).`);
    }
  }
}
