import { watch, type FSWatcher } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Observable } from 'rxjs';
import { someText, wholeMs, type Rule } from '../../check.js';
import { maxHostFileBytes } from '../../bounds.js';
import { systemRuntime } from '../../runtime.js';
import { checkSourceOptions, hostSource, type HostSink, type HostSourceOptions } from './host-source.js';

/** Options of {@link hostsFromFile}. */
export interface FileHostsOptions extends HostSourceOptions {
  /**
   * The file is read so often, in ms, beside the notices of the system, which some file systems do not give (NFS,
   * mounts of containers). Default 5 000.
   */
  readonly interval?: number;
}

const rules: Readonly<Record<Exclude<keyof FileHostsOptions, keyof HostSourceOptions>, Rule>> = {
  interval: wholeMs(1),
};

const defaultInterval = 5_000;
/** A change comes as several notices: the file is read so many ms after the first of them. */
const noticeDelay = 20;

/**
 * The hosts that a file lists: a JSON array of names, or one name a line, where `#` begins a comment. The file is
 * watched, also across an atomic replacement (`rename`) and the links of a Kubernetes ConfigMap.
 *
 * It never errors and never completes. While the file is missing, blank or cannot be parsed, the last list stays: write
 * a new file beside it and rename it, so that no half of it is read. A host is removed as soon as the file does not
 * list it (`removeAfter` 0). A manager ignores an empty array, as any empty list, with the event `host-list`: its hosts
 * stay.
 *
 * @throws ConfigurationError for an option that is unknown or cannot work.
 */
export function hostsFromFile(path: string, options: FileHostsOptions = {}): Observable<readonly string[]> {
  checkSourceOptions({ ...options, path }, { ...rules, path: someText }, 'hostsFromFile', ['path']);
  const file = resolve(path);
  return hostSource(`The file ${file}`, options, 0, (sink) => {
    const reader = new FileReader(file, options.interval ?? defaultInterval, sink);
    reader.read();
    return () => {
      reader.stop();
    };
  });
}

/** Reads a file when something says that it may have changed, one read at a time. */
class FileReader {
  readonly #file: string;
  readonly #interval: number;
  readonly #sink: HostSink;
  #watcher: FSWatcher | undefined = undefined;
  #state: 'waiting' | 'noticed' | 'reading' | 'reading again' | 'stopped' = 'waiting';
  #cancelTimer: (() => void) | undefined = undefined;

  constructor(file: string, interval: number, sink: HostSink) {
    this.#file = file;
    this.#interval = interval;
    this.#sink = sink;
  }

  read(): void {
    // What changes from now on is noticed, and read again.
    this.#watch();
    this.#cancelTimer?.();
    this.#state = 'reading';
    void this.#readFile().then(() => {
      if (this.#isStopped()) return;
      const changed = this.#state === 'reading again';
      this.#state = changed ? 'noticed' : 'waiting';
      this.#readAfter(changed ? noticeDelay : this.#interval);
    });
  }

  stop(): void {
    this.#state = 'stopped';
    this.#cancelTimer?.();
    this.#watcher?.close();
  }

  readonly #notice = (): void => {
    if (this.#state === 'reading') this.#state = 'reading again';
    if (this.#state !== 'waiting') return;
    this.#state = 'noticed';
    this.#readAfter(noticeDelay);
  };

  #readAfter(ms: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = systemRuntime.schedule(() => {
      this.read();
    }, ms);
  }

  // The folder: a watch of the file itself follows the old one when it is replaced.
  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      const watcher = watch(dirname(this.#file), { persistent: false }, this.#notice);
      this.#watcher = watcher;
      watcher.on('error', () => {
        watcher.close();
        // The next read watches again; until then the interval counts.
        if (this.#watcher === watcher) this.#watcher = undefined;
      });
    } catch {
      // There is no such folder yet, or no watching: the interval counts.
    }
  }

  async #readFile(): Promise<void> {
    let names: readonly string[];
    try {
      names = parseList(await readText(this.#file));
    } catch (error) {
      if (this.#isStopped()) return;
      this.#sink.failed(error);
      // The folder itself may be another one now, and a watch stays with the old one.
      this.#watcher?.close();
      this.#watcher = undefined;
      this.#watch();
      return;
    }
    if (!this.#isStopped()) this.#sink.found(names);
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }
}

async function readText(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const buffer = new Uint8Array(maxHostFileBytes + 1);
    let length = 0;
    // A read may give less than there is.
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    if (length > maxHostFileBytes) throw new Error(`it has more than ${String(maxHostFileBytes)} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } finally {
    await file.close();
  }
}

function parseList(text: string): readonly string[] {
  if (text.trim() === '') throw new Error('it is blank; an empty list is written []');
  if (/^\s*[[{"]/.test(text)) {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((each) => typeof each === 'string')) return list;
    throw new Error('it is not a JSON array of names');
  }
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*$/, '').trim());
  const names = lines.filter((name) => name !== '');
  if (names.length === 0) throw new Error('it lists no host; an empty list is written []');
  return names;
}
