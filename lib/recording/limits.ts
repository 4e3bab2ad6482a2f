// lib/limits.ts is full; these bounds are of recordings alone.

/** Bytes of a recording that are read, where `maxBytes` says nothing else. */
export const maxRecordingBytes = 256 << 20;
/** Records of a recording that are read. */
export const maxRecordingRecords = 1_000_000;
/** Bytes of a payload up to which it is recorded; of a larger one only its size. */
export const maxRecordedPayload = 1 << 20;
/** Bytes of records that may wait for a slow reader of a recording; further records are counted as missing. */
export const maxRecordingQueue = 8 << 20;
/** Bytes of records in one item to a reader. */
export const maxRecordingBatch = 256 << 10;
