import { FileError } from '../../files/file-error.js';
import { printable } from '../../printable.js';
import { failureText } from '../exit/failure-text.js';
import { jsonLine } from '../output/json-line.js';
import { maxLineLength } from '../output/output.js';
import { sizeText, type ProgressBar } from '../output/progress-bar.js';

/** Skipped entries that are named; further ones are only counted. */
const maxSkippedNamed = 10;
/** Modes that the summary names. */
const maxModes = 3;

/** A number of files, and their bytes. */
interface Amount {
  readonly files: number;
  readonly bytes: number;
}

const nothing: Amount = { files: 0, bytes: 0 };

/** The progress of a transfer, in either direction. */
export interface Step extends Amount {
  /** Bytes per second. */
  readonly rate: number;
  readonly mode: string | undefined;
}

/** Options of a {@link Report}. */
export interface ReportOptions {
  readonly bar: ProgressBar;
  /** Writes a line for people. */
  readonly write: (line: string) => void;
  /** Writes a line of the result, on standard output. */
  readonly result: (line: string) => void;
  /** Writes a line of JSON. Undefined: without `--json`. */
  readonly json?: ((line: string) => void) | undefined;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** True: running the command again continues the copy. */
  readonly resumable: boolean;
  /** A monotonic clock, in ms. */
  readonly now: () => number;
}

/** Time between two lines of progress with `--json`, in ms. */
const jsonIntervalMs = 500;

/** The output of a copy: messages, the progress bar, the summary. Everything passes through {@link printable}. */
export class Report {
  readonly #options: ReportOptions;
  readonly #began: number;
  readonly #modes = new Set<string>();
  readonly #reasons = new Set<string>();
  #step: Step = { ...nothing, rate: 0, mode: undefined };
  // Totals of earlier sources, and of earlier attempts.
  #done = nothing;
  #past = nothing;
  #found = nothing;
  #last = true;
  #foundAll = false;
  #there = nothing;
  #skipped = 0;
  #notCopied = 0;
  #notRemoved = 0;
  #removed = 0;
  #toRemove = 0;
  #lastJson = -Infinity;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#began = options.now();
  }

  /** Number of paths that could not be copied or removed. */
  get failures(): number {
    return this.#notCopied + this.#notRemoved;
  }

  /** Number of paths that could not be copied. */
  get notCopied(): number {
    return this.#notCopied;
  }

  /** Begins an attempt: found and present files are counted from zero. */
  begin(): void {
    this.#past = this.#moved;
    this.#done = nothing;
    this.#step = { ...nothing, rate: 0, mode: undefined };
    this.#found = nothing;
    this.#foundAll = false;
    this.#there = nothing;
    this.#skipped = 0;
    this.#notCopied = 0;
    this.#notRemoved = 0;
  }

  /** Begins one of several sources. `last`: the total is known once all of its files are found. */
  beginSource(last: boolean): void {
    this.#done = add(this.#done, this.#step);
    this.#step = { ...nothing, rate: 0, mode: undefined };
    this.#last = last;
  }

  /** Writes a message. */
  line(text: string): void {
    this.#write(`rxgrid: ${text}`);
  }

  /** Writes a message with `-v` only. */
  detail(text: string): void {
    if (this.#options.verbose) this.line(text);
  }

  /** A file could not be copied; the copy goes on. */
  failed(error: unknown): void {
    this.#notCopied++;
    this.#failure(error);
  }

  /** With `--delete`: a path of the target could not be removed. */
  notRemoved(error: FileError): void {
    this.#notRemoved++;
    this.#failure(error);
  }

  /**
   * An entry that is not a regular file is left out, which is not a failure. `what`: for instance `a symbolic link`.
   */
  skipped(path: string, what: string): void {
    this.#skipped++;
    this.#json({ type: 'skipped', path, what });
    if (this.#options.quiet) return;
    if (this.#skipped <= maxSkippedNamed || this.#options.verbose) {
      this.line(`${JSON.stringify(path)} is ${what} and is left out.`);
    } else if (this.#skipped === maxSkippedNamed + 1) {
      this.line('more links, devices and pipes are left out; -v names all of them.');
    }
  }

  /** A file would be copied without `--dry-run`. */
  would(path: string, bytes = 0): void {
    this.#step = { ...this.#step, files: this.#step.files + 1, bytes: this.#step.bytes + bytes };
    this.#json({ type: 'would-copy', path });
    if (this.#options.json === undefined) this.#options.result(printable(path, maxLineLength));
  }

  /** A path was removed from the target, because the source does not have it. */
  removed(path: string): void {
    this.#removed++;
    this.#json({ type: 'removed', path });
    this.detail(`${JSON.stringify(path)} is removed.`);
  }

  /** A path of the target would be removed without `--dry-run`. */
  wouldRemove(path: string): void {
    this.#toRemove++;
    this.#json({ type: 'would-remove', path });
    // As rsync prints it: the paths of files that would be copied have no word before them.
    if (this.#options.json === undefined) this.#options.result(printable(`deleting ${path}`, maxLineLength));
  }

  /** A file of the source was found. */
  found(bytes: number): void {
    this.#found = add(this.#found, { files: 1, bytes });
  }

  /** All files of the source were found. */
  foundAll(): void {
    this.#foundAll = this.#last;
    this.#draw();
  }

  /** Bytes that the target has already. `whole`: they are a complete file. */
  present(bytes: number, whole: boolean): void {
    this.#there = add(this.#there, { files: whole ? 1 : 0, bytes });
  }

  /** The progress of the current transfer. */
  step(step: Step): void {
    this.#step = step;
    // The other side chooses these names, so their number is bounded.
    if (step.mode !== undefined && this.#modes.size < maxModes) this.#modes.add(printable(step.mode, 16));
    this.#draw();
  }

  /** Explains the sender's mode, with `-v`. */
  because(mode: string, reason: string | undefined): void {
    const text = reason === undefined ? `mode ${mode}` : `mode ${mode}: ${reason}`;
    if (this.#reasons.has(text)) return;
    this.#reasons.add(text);
    this.detail(text);
  }

  /** Removes the bar. Writes the summary; `error`: what ended a copy that is not `done`. */
  end(done: boolean, error?: unknown): void {
    this.#options.bar.stop();
    const seconds = (this.#options.now() - this.#began) / 1_000;
    const { files, bytes } = this.#moved;
    const parts = [count(files, 'file'), sizeText(bytes), secondsText(seconds)];
    if (this.#modes.size > 0) parts.push([...this.#modes].join(' and '));
    if (this.#there.files > 0) parts.push(`${count(this.#there.files, 'file')} present already`);
    if (this.#skipped > 0) parts.push(`${String(this.#skipped)} left out`);
    if (this.#removed > 0) parts.push(`${String(this.#removed)} removed`);
    if (this.#toRemove > 0) parts.push(`${String(this.#toRemove)} to be removed`);
    if (!done) parts.push('not finished');
    if (this.#notCopied > 0) parts.push(`${String(this.#notCopied)} not copied`);
    if (this.#notRemoved > 0) parts.push(`${String(this.#notRemoved)} not removed`);
    this.#json({
      type: done ? 'done' : 'failed',
      files,
      bytes,
      seconds,
      modes: [...this.#modes],
      there: this.#there.files,
      skipped: this.#skipped,
      removed: this.#removed,
      ...(this.#toRemove > 0 ? { toRemove: this.#toRemove } : {}),
      failures: this.failures,
      ...(error === undefined ? {} : this.#described(error)),
    });
    // Where nothing was moved, the error says all.
    if ((done || files > 0) && !this.#options.quiet && this.#options.json === undefined) this.#write(parts.join(', '));
  }

  /** Files and bytes that were transferred, in all attempts. */
  get #moved(): Amount {
    return add(this.#past, add(this.#done, this.#step));
  }

  #draw(): void {
    const { bar, json, now } = this.#options;
    const { rate, mode } = this.#step;
    const { files, bytes } = add(this.#done, this.#step);
    const total = this.#foundAll ? this.#found.bytes : undefined;
    const here = bytes + this.#there.bytes;
    bar.update({ files, bytes: here, total, rate, mode: mode === undefined ? undefined : printable(mode, 16) });
    if (json === undefined || now() - this.#lastJson < jsonIntervalMs) return;
    this.#lastJson = now();
    this.#json({ type: 'progress', files, bytes: here, ...(total === undefined ? {} : { total }), rate });
  }

  #failure(error: unknown): void {
    const described = this.#described(error);
    this.#json({ type: 'failure', ...described });
    this.line(described.message);
  }

  #described(error: unknown): { readonly message: string; readonly path?: string; readonly code?: string } {
    const known = error instanceof FileError ? { path: error.path, code: error.code } : {};
    return { message: failureText(error, this.#options.resumable), ...known };
  }

  #json(value: object): void {
    this.#options.json?.(jsonLine(value));
  }

  #write(text: string): void {
    this.#options.bar.clear();
    this.#options.write(printable(text, maxLineLength));
  }
}

function add(one: Amount, other: Amount): Amount {
  return { files: one.files + other.files, bytes: one.bytes + other.bytes };
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}

function secondsText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${String(minutes)} min ${String(Math.round(seconds - minutes * 60)).padStart(2, '0')} s`;
}
