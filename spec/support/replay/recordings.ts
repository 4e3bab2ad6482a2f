import { readdirSync, readFileSync } from 'node:fs';
import { decodeConnectRequest } from '../../../lib/wire/payloads/connect.js';
import { decodePing } from '../../../lib/wire/payloads/control.js';
import { timestampToMs } from '../../../lib/wire/msgpack/timestamp.js';
import { bytesOfHex, type RecordedFrame } from '../protocol/vectors.js';

/*
 * The recordings of spec/vectors with everything that a replay needs: who played, in which order, what callers and
 * handlers saw. `vectors.ts` reads the same files for the tests of single frames.
 */

/** The two sides of a connection. */
export type Side = 'dialer' | 'acceptor';

/** One entry of a recording, in the order of arrival. */
export type RecordedStep =
  | { readonly kind: 'upgrade'; readonly url: string; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'message'; readonly from: Side; readonly bytes: Uint8Array; readonly frame: RecordedFrame }
  | { readonly kind: 'closed'; readonly from: Side; readonly code: number };

/** What a handler of a recorded peer noted: that it began to wait, or that it was cancelled, why, and at which item. */
export interface HandlerEvent {
  readonly event: string;
  readonly cause?: string;
  readonly at?: number;
}

/** One recording as a whole. */
export interface WholeRecording {
  readonly name: string;
  readonly dialer: string;
  readonly acceptor: string;
  /** True: the dialer is hand-made, only the acceptor is the reference. */
  readonly handMade: boolean;
  /** What the callers saw; of a shape of its own in some recordings. */
  readonly outcome: unknown;
  readonly handlerEvents: readonly HandlerEvent[];
  readonly steps: readonly RecordedStep[];
}

const folder = 'spec/vectors';
/** Files there that are no recordings; specs of their own check them. */
const others = new Set(['who-dials.json', 'xxh3.json']);
/** The key Host of a Connect, in MessagePack. */
const hostKey = 'a4486f7374';
const minute = 60_000;
const pingInterval = 10_000;

/** All recordings, in the order of their names. */
export function readWholeRecordings(): WholeRecording[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && !others.has(file))
    .sort()
    .map((file) => readWholeRecording(file.slice(0, -'.json'.length)));
}

/** The recording of this name. */
export function readWholeRecording(name: string): WholeRecording {
  return wholeOf(JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')));
}

function wholeOf(file: any): WholeRecording {
  return {
    name: file.name,
    dialer: file.dialer,
    acceptor: file.acceptor,
    handMade: file.madeBy !== undefined,
    outcome: file.outcome,
    handlerEvents: file.handlerEvents ?? [],
    steps: (file.messages as unknown[]).map(stepOf),
  };
}

function stepOf(message: any): RecordedStep {
  const from: Side = message.from;
  if (message.handshake !== undefined)
    return { kind: 'upgrade', url: message.handshake.url, headers: message.handshake.headers };
  if (message.closed !== undefined) return { kind: 'closed', from, code: message.closed };
  return { kind: 'message', from, bytes: bytesOfHex(message.hex), frame: message.frame };
}

/** Whether the recording shows the handshake; else it starts on an open connection. */
export function showsHandshake({ steps }: WholeRecording): boolean {
  return steps.some((step) => step.kind === 'message' && step.frame.op === 'ConnectResponse');
}

/**
 * When the recording began, by the clock of our side, in ms since the epoch: the Time in the Connect; else one interval
 * before the first Ping. Undefined where nothing tells.
 */
export function recordedTime({ name, steps }: WholeRecording): number | undefined {
  for (const step of steps) {
    if (step.kind !== 'message' || typeof step.frame.payload !== 'string') continue;
    const payload = bytesOfHex(step.frame.payload);
    const { op, muxId } = step.frame;
    // By its payload: one recording has the payload of a Connect in a Ping.
    if (step.frame.payload.includes(hostKey)) {
      const sent = timestampToMs(decodeConnectRequest(payload).time);
      // Of this one the dialer's clock is six minutes behind.
      return name === 'handshake-clock-skew' ? sent + 6 * minute : sent;
    }
    if (op === 'Ping' && muxId === '0') return timestampToMs(decodePing(payload).time) - pingInterval;
  }
  return undefined;
}
