import { anObject, checkOptions, oneOf, whole } from '../check.js';
import { maxRecordingRecords } from '../bounds.js';
import { maxRecordingBytes } from '../limits.js';
import { readHeader, readRecord } from './read-record.js';
import { RecordingError } from './recording-error.js';
import type { Recording, WireRecord } from './records.js';

/** Options of {@link readRecording}. */
export interface ReadRecordingOptions {
  /** True: a recording that is cut off is read as far as it goes. Default false: it is refused. */
  readonly allowTruncated?: boolean;
  /** Largest file in bytes. Default 256 MiB. */
  readonly maxBytes?: number;
}

const rules = { allowTruncated: oneOf(true, false), maxBytes: whole(1) };

/**
 * Reads a recording that `rxgrid record` or `recordFrames` made: the bytes or the text of the file.
 *
 * @throws RecordingError where it is damaged, cut off, too large, of a later version, or not a recording.
 * @throws ConfigurationError for an invalid option.
 */
export function readRecording(source: string | Uint8Array, options: ReadRecordingOptions = {}): Recording {
  checkOptions({ options }, { options: anObject }, { of: 'readRecording' });
  checkOptions(options, rules, { of: 'readRecording' });
  const { allowTruncated = false, maxBytes = maxRecordingBytes } = options;
  if (source.length > maxBytes) {
    throw new RecordingError(
      `The recording has ${String(source.length)} bytes, and at most ${String(maxBytes)} are read (maxBytes).`,
    );
  }
  const recording = readLines(typeof source === 'string' ? source : new TextDecoder().decode(source));
  if (recording.truncated && !allowTruncated) {
    throw new RecordingError(
      `The recording is cut off after ${String(recording.records.length)} records: its end is missing. allowTruncated reads what is there.`,
    );
  }
  return recording;
}

function readLines(text: string): Recording {
  const records: WireRecord[] = [];
  const first = lineAt(text, 0);
  if (text === '') throw new RecordingError('The recording is empty: rxgrid record writes its header first.');
  const header = readHeader(first.text);
  let number = 1;
  for (let at = first.next; at < text.length;) {
    const line = lineAt(text, at);
    number++;
    at = line.next;
    if (line.text.trim() === '') continue;
    let record: WireRecord;
    try {
      record = readRecord(line.text, number);
    } catch (error) {
      // The last line of a file that is cut off ends anywhere.
      if (!line.whole) return { header, records, truncated: true };
      throw error;
    }
    if (record.kind === 'end') return { header, records: [...records, record], truncated: false };
    if (records.length >= maxRecordingRecords) {
      throw new RecordingError(
        `it has more than ${String(maxRecordingRecords)} records. Record less at a time.`,
        number,
      );
    }
    records.push(record);
  }
  return { header, records, truncated: true };
}

function lineAt(text: string, at: number): { readonly text: string; readonly next: number; readonly whole: boolean } {
  const end = text.indexOf('\n', at);
  if (end === -1) return { text: text.slice(at), next: text.length, whole: false };
  return { text: text.slice(at, end), next: end + 1, whole: true };
}
