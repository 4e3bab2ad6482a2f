import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from '../../../lib/wire/frame.js';
import { Flag, Op, type OpName } from '../../../lib/wire/ops.js';

/** The reading of a frame, as the recordings hold it; `spec/vectors/README.md` describes it. */
export interface RecordedFrame {
  readonly op?: OpName;
  readonly muxId: string;
  readonly seq: number;
  readonly deadlineMs: number;
  readonly handler: number;
  readonly flags: readonly (keyof typeof Flag)[];
  /** Hex; of a long one only the length and the head. */
  readonly payload: string | { readonly length: number; readonly head: string };
  readonly subroute?: string;
  readonly rest?: string;
  readonly crc?: number;
  readonly crcWrong?: boolean;
  readonly malformed?: boolean;
  readonly merged?: readonly RecordedFrame[];
}

/** A binary WebSocket message of a recording. */
export interface RecordedMessage {
  readonly from: 'dialer' | 'acceptor';
  readonly bytes: Uint8Array;
  readonly frame: RecordedFrame;
}

/** One recording. */
export interface Recording {
  readonly name: string;
  readonly messages: readonly RecordedMessage[];
}

/** A recording as it stands in its file. */
interface StoredRecording {
  readonly name: string;
  readonly messages: readonly { from: 'dialer' | 'acceptor'; hex?: string; frame?: RecordedFrame }[];
}

const folder = join(__dirname, '../../vectors');

/** All recordings of `spec/vectors`. */
export function readRecordings(): Recording[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && file !== 'who-dials.json' && file !== 'xxh3.json')
    .sort()
    .map((file) => {
      const { name, messages } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as StoredRecording;
      return {
        name,
        // Upgrades and closes have no bytes.
        messages: messages.flatMap(({ from, hex, frame }) =>
          hex === undefined || frame === undefined ? [] : [{ from, bytes: bytesOfHex(hex), frame }],
        ),
      };
    });
}

/** The recording of this name. */
export function readRecording(name: string): Recording {
  return readRecordings().find((recording) => recording.name === name)!;
}

export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Our frame in the words of a recording. Checksum and content of a Merged frame are left out. */
export function recordedOf(frame: Frame, likeHead: RecordedFrame): RecordedFrame {
  const op = (Object.keys(Op) as OpName[]).find((name) => Op[name] === frame.op);
  const { payload } = frame;
  return {
    ...(op === undefined ? {} : { op }),
    muxId: String(frame.muxId),
    seq: frame.seq,
    deadlineMs: frame.deadlineMs,
    handler: frame.handler,
    flags: (Object.keys(Flag) as (keyof typeof Flag)[]).filter((name) => (frame.flags & Flag[name]) !== 0),
    payload:
      typeof likeHead.payload === 'string'
        ? hexOf(payload)
        : { length: payload.length, head: hexOf(payload.subarray(0, likeHead.payload.head.length / 2)) },
    ...(frame.subroute === undefined ? {} : { subroute: hexOf(frame.subroute) }),
    ...(frame.extra === undefined ? {} : { rest: hexOf(frame.extra) }),
  };
}
