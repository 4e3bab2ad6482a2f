import { FileError } from '../files/file-error.js';
import { printable } from '../printable.js';
import { failureText } from './failure.js';
import { sizeText, type ProgressBar } from './progress-bar.js';

/** A line holds a path or two, and what is said of them. */
const maxLineLength = 10_000;
/** So many things that are left out are named; of the others the number is told. */
const maxSkippedNamed = 10;
/** Ways of reading files that the summary names. */
const maxModes = 3;

/** So many files, with so many bytes. */
interface Amount {
  readonly files: number;
  readonly bytes: number;
}

const nothing: Amount = { files: 0, bytes: 0 };

/** What is told of a transfer, whichever direction it has. */
export interface Step extends Amount {
  /** Bytes per second. */
  readonly rate: number;
  readonly mode: string | undefined;
}

/** What a report is made for. */
export interface ReportOptions {
  readonly bar: ProgressBar;
  /** Takes lines for people. */
  readonly write: (line: string) => void;
  /** Takes the lines of the result. */
  readonly result: (line: string) => void;
  /** Takes the lines of a `--json` run. Undefined: people read. */
  readonly json?: ((line: string) => void) | undefined;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** True: a second run continues. */
  readonly resumable: boolean;
  /** In ms, by any clock that goes forward. */
  readonly now: () => number;
}

/** Time between two lines of progress with `--json`, in ms. */
const jsonIntervalMs = 500;

/** What the user reads of a copy: messages, the bar, the summary. Everything passes through {@link printable}. */
export class Report {
  readonly #options: ReportOptions;
  readonly #began: number;
  readonly #modes = new Set<string>();
  readonly #reasons = new Set<string>();
  #step: Step = { ...nothing, rate: 0, mode: undefined };
  // Of sources before this one, and of tries before this one.
  #done = nothing;
  #past = nothing;
  #found = nothing;
  #last = true;
  #foundAll = false;
  #there = nothing;
  #skipped = 0;
  #failures = 0;
  #removed = 0;
  #lastJson = -Infinity;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#began = options.now();
  }

  /** Files that are not copied. */
  get failures(): number {
    return this.#failures;
  }

  /** Begins a try: what is found and what is there is counted anew. */
  begin(): void {
    this.#past = this.#moved;
    this.#done = nothing;
    this.#step = { ...nothing, rate: 0, mode: undefined };
    this.#found = nothing;
    this.#foundAll = false;
    this.#there = nothing;
    this.#skipped = 0;
    this.#failures = 0;
  }

  /** Begins one of several sources. `last`: what is found with it is all. */
  beginSource(last: boolean): void {
    this.#done = add(this.#done, this.#step);
    this.#step = { ...nothing, rate: 0, mode: undefined };
    this.#last = last;
  }

  /** A line for the user. */
  line(text: string): void {
    this.#write(`rxgrid: ${text}`);
  }

  /** A line for who asked why. */
  detail(text: string): void {
    if (this.#options.verbose) this.line(text);
  }

  /** A file is not copied; others may be. */
  failed(error: unknown): void {
    this.#failures++;
    const text = failureText(error, this.#options.resumable);
    const known = error instanceof FileError ? { path: error.path, code: error.code } : {};
    this.#json({ type: 'failure', message: text, ...known });
    this.line(text);
  }

  /** Something that is no file is left out, which is no failure. `what`: for instance `a symbolic link`. */
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

  /** A file would be copied, if this were no dry run. */
  would(path: string, bytes = 0): void {
    this.#step = { ...this.#step, files: this.#step.files + 1, bytes: this.#step.bytes + bytes };
    this.#json({ type: 'would-copy', path });
    if (this.#options.json === undefined) this.#options.result(printable(path, maxLineLength));
  }

  /** Something was removed from the target, because it is not in the source. */
  removed(path: string): void {
    this.#removed++;
    this.#json({ type: 'removed', path });
    this.detail(`${JSON.stringify(path)} is removed.`);
  }

  /** A file of so many bytes belongs to the source. */
  found(bytes: number): void {
    this.#found = add(this.#found, { files: 1, bytes });
  }

  /** All files of the source were found. */
  foundAll(): void {
    this.#foundAll = this.#last;
    this.#draw();
  }

  /** Bytes that are at the target already; `whole`: a whole file. */
  present(bytes: number, whole: boolean): void {
    this.#there = add(this.#there, { files: whole ? 1 : 0, bytes });
  }

  /** How far the transfer of this try is. */
  step(step: Step): void {
    this.#step = step;
    // The other side names it: a few are enough.
    if (step.mode !== undefined && this.#modes.size < maxModes) this.#modes.add(printable(step.mode, 16));
    this.#draw();
  }

  /** Why the sender reads files as it does. */
  because(mode: string, reason: string | undefined): void {
    const text = reason === undefined ? `mode ${mode}` : `mode ${mode}: ${reason}`;
    if (this.#reasons.has(text)) return;
    this.#reasons.add(text);
    this.detail(text);
  }

  /** Takes the bar away, and says what was done, where it was done to the end. */
  end(done: boolean): void {
    this.#options.bar.stop();
    const seconds = (this.#options.now() - this.#began) / 1_000;
    const { files, bytes } = this.#moved;
    const parts = [count(files, 'file'), sizeText(bytes), secondsText(seconds)];
    if (this.#modes.size > 0) parts.push([...this.#modes].join(' and '));
    if (this.#there.files > 0) parts.push(`${count(this.#there.files, 'file')} present already`);
    if (this.#skipped > 0) parts.push(`${String(this.#skipped)} left out`);
    if (this.#removed > 0) parts.push(`${String(this.#removed)} removed`);
    if (this.#failures > 0) parts.push(`${String(this.#failures)} not copied`);
    this.#json({
      type: done ? 'done' : 'failed',
      files,
      bytes,
      seconds,
      modes: [...this.#modes],
      there: this.#there.files,
      skipped: this.#skipped,
      removed: this.#removed,
      failures: this.#failures,
    });
    if (done && !this.#options.quiet && this.#options.json === undefined) this.#write(parts.join(', '));
  }

  /** What was moved, in all tries. */
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

  #json(value: object): void {
    // JSON leaves DEL, C1 and the marks of direction as they are.
    this.#options.json?.(JSON.stringify(value).replace(/[\u007f-\uffff]/g, escape));
  }

  #write(text: string): void {
    this.#options.bar.clear();
    this.#options.write(printable(text, maxLineLength));
  }
}

function add(one: Amount, other: Amount): Amount {
  return { files: one.files + other.files, bytes: one.bytes + other.bytes };
}

function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}

function secondsText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${String(minutes)} min ${String(Math.round(seconds - minutes * 60)).padStart(2, '0')} s`;
}
