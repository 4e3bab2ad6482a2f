import { Observable } from 'rxjs';
import { anObject, checkOptions, oneOf, type Rule } from '../check.js';
import type { Manager } from '../endpoint/manager.js';
import { maxRecordingBatch, maxRecordingQueue } from '../bounds.js';
import { headerLine, recordLine } from '../recording/write-lines.js';
import { recordingVersion, type RecordingHeader, type WireRecord } from '../recording/records.js';
import { version } from '../version.js';
import { tapFrames } from './frame-tap.js';

/** Options of {@link recordFrames}. */
export interface RecordFramesOptions {
  /**
   * True: with payloads, metadata and the details of errors, up to 1 MiB each, which a replay needs. They are what the
   * users of the mesh send each other. Default false: the sizes of payloads.
   */
  readonly payloads?: boolean;
  /** Only the connections with this host, or of leaves with this identity. Default: all. */
  readonly peer?: string;
}

const aName: Rule = { expected: 'the name of a host or the identity of a leaf', accepts: (v) => typeof v === 'string' };

/** Validation rules of {@link RecordFramesOptions}. */
const recordFramesRules: Readonly<Record<keyof RecordFramesOptions, Rule>> = {
  payloads: oneOf(true, false),
  peer: aName,
};

/**
 * Records what goes over the connections of a host: emits the lines of a recording, each with its line break, which
 * `readRecording` of `rxgrid/testing` and `rxgrid decode` read. Cold; it records from the subscription on, costs
 * nothing without one, and completes at the close of the manager. A subscriber that unsubscribes earlier writes the
 * end: `recordingEnd(…)`.
 *
 * Left out are the handshakes and the renewal of tokens, the calls of the monitor, the connection of the host to
 * itself, and the bytes of files that this host sends from its disk.
 *
 * @throws ConfigurationError for an invalid option.
 */
export function recordFrames(manager: Manager, options: RecordFramesOptions = {}): Observable<string> {
  checkOptions({ options }, { options: anObject }, { of: 'recordFrames' });
  checkOptions(options, recordFramesRules, { of: 'recordFrames' });
  const { payloads = false, peer } = options;
  const { runtime } = manager.lifetime;
  return new Observable<string>((subscriber) => {
    const began = runtime.now();
    subscriber.next(`${headerLine(headerOf(manager, payloads))}\n`);
    const records$ = tapFrames(manager.endpoint, { payloads, peer, local: manager.local });
    return records$.subscribe({
      next: (record) => {
        subscriber.next(`${recordLine(record)}\n`);
      },
      complete: () => {
        subscriber.next(recordingEnd(runtime.now() - began, 'the host was closed'));
        subscriber.complete();
      },
    });
  });
}

/** The last line of a recording, with its line break: `t` in ms since its beginning, and why it ended. */
export function recordingEnd(t: number, reason: string): string {
  return `${recordLine({ kind: 'end', t, reason })}\n`;
}

/**
 * The lines of a recording, in batches, for a reader that takes one when it can. What it misses is counted in the
 * recording.
 */
export async function* recordedBatches(
  manager: Manager,
  options: RecordFramesOptions,
  signal: AbortSignal,
): AsyncGenerator<{ readonly lines: string }> {
  const { runtime } = manager.lifetime;
  const began = runtime.now();
  let wake = (): void => undefined;
  const queue = new LineQueue();
  const end = (): void => {
    queue.ended = true;
    wake();
  };
  const subscription = recordFrames(manager, options).subscribe({
    next: (line) => {
      queue.add(line, runtime.now() - began);
      wake();
    },
    complete: end,
  });
  signal.addEventListener('abort', end);
  try {
    for (;;) {
      const lines = queue.take();
      if (lines !== '') yield { lines };
      else if (queue.ended) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    subscription.unsubscribe();
    signal.removeEventListener('abort', end);
  }
}

/** Lines that wait for a reader, up to a bound. */
class LineQueue {
  /** True when no more lines come. */
  ended = false;
  #lines: string[] = [];
  #bytes = 0;
  #missing = 0;
  #missingSince = 0;

  add(line: string, t: number): void {
    if (this.#bytes + line.length > maxRecordingQueue) {
      if (this.#missing === 0) this.#missingSince = t;
      this.#missing++;
      return;
    }
    this.#addGapRecord();
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  take(): string {
    let size = 0;
    let count = 0;
    while (count < this.#lines.length && (count === 0 || size + this.#lines[count]!.length <= maxRecordingBatch)) {
      size += this.#lines[count++]!.length;
    }
    const batch = this.#lines.splice(0, count).join('');
    this.#bytes -= batch.length;
    if (this.#lines.length === 0) this.#addGapRecord();
    return batch;
  }

  #addGapRecord(): void {
    if (this.#missing === 0) return;
    const gap: WireRecord = { kind: 'gap', t: this.#missingSince, records: this.#missing };
    this.#missing = 0;
    const line = `${recordLine(gap)}\n`;
    this.#lines.push(line);
    this.#bytes += line.length;
  }
}

function headerOf(manager: Manager, payloads: boolean): RecordingHeader {
  const at = manager.lifetime.runtime.wallNow();
  return { version: recordingVersion, host: manager.local, at, payloads, library: version };
}
