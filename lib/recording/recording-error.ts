import { GridError } from '../errors.js';

/** A recording that cannot be read: it is damaged, too large, of another version, or something else. */
export class RecordingError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.RecordingError';
  readonly code = 'recording';
  /** Line of the fault, counted from 1; undefined where the fault is not in one line. */
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(line === undefined ? message : `Line ${String(line)} of the recording: ${message}`);
    this.line = line;
  }
}
