import type { FileError } from '../../../files/file-error.js';
import type { WriteReport } from '../../../files/file-routes.js';
import { maxFailuresWaiting } from '../../../bounds.js';
import { toFileError } from '../disk/system-error.js';

/** The reports of one call of `files/write`: failures in order, and the newest figures. */
export class WriteReports {
  readonly #path: string;
  readonly #failures: WriteReport[] = [];
  #files = 0;
  #bytes = 0;
  // True: the figures have changed since they were reported.
  #changed = false;
  #end: { readonly error?: unknown } | undefined = undefined;
  #wake: () => void = nothing;

  /** `path`: of the request. */
  constructor(path: string) {
    this.#path = path;
  }

  /** True: the caller does not read its reports, so nothing that may cause further ones should be begun. */
  get isFull(): boolean {
    return this.#failures.length >= maxFailuresWaiting;
  }

  written(bytes: number): void {
    this.#bytes += bytes;
    this.#figuresChanged();
  }

  fileDone(): void {
    this.#files++;
    this.#figuresChanged();
  }

  failed(error: FileError): void {
    this.#failures.push(failureOf(error));
    this.#wake();
  }

  /** Nothing follows. */
  end(error?: unknown): void {
    this.#end = { error };
    this.#wake();
  }

  /**
   * Yields each report as soon as the caller has credit for it: a generator runs on only then. `room` is called when
   * the failures were taken.
   */
  async *all(room: () => void): AsyncGenerator<WriteReport> {
    for (;;) {
      const end = this.#end;
      for (const failure of this.#failures.splice(0)) yield failure;
      room();
      if (this.#changed) {
        this.#changed = false;
        yield { kind: 'progress', files: this.#files, bytes: this.#bytes };
      } else if (end !== undefined) {
        if (end.error !== undefined) yield { ...failureOf(toFileError(end.error, this.#path)), path: '' };
        return;
      } else if (this.#end === undefined && this.#failures.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #figuresChanged(): void {
    this.#changed = true;
    this.#wake();
  }
}

/** The report of a failure. */
export function failureOf({ path, code, message }: FileError): Extract<WriteReport, { kind: 'failure' }> {
  return { kind: 'failure', path, code, message };
}

function nothing(): void {
  // The generator is not waiting.
}
