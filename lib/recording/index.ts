export { missingRecords, recordedCalls, type CallEnd, type RecordedCall } from './recorded-calls.js';
export { readRecording, type ReadRecordingOptions } from './read-recording.js';
export { RecordingError } from './recording-error.js';
export { headerLine, recordLine } from './write-lines.js';
export * from './records.js';
