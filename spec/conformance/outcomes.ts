import { msgpack } from '../../lib/codec/msgpack-codec.js';
import type { RecordedCall } from '../support/replay/recorded-calls.js';
import { outcomeOf } from '../support/replay/recorded-calls.js';
import type { Side, WholeRecording } from '../support/replay/recordings.js';
import { bytesOfHex, hexOf, type RecordedFrame } from '../support/protocol/vectors.js';

/*
 * What the callers of one side saw, the recorded ones and ours, in one form.
 */

/** Errors that the reference's caller makes by itself, and the code of ours. */
const localErrors: readonly (readonly [RegExp, string])[] = [
  [/^context deadline exceeded$/, 'deadline-exceeded'],
  [/^Invalid Handler for type: /, 'refused'],
  [/^cancelled by caller$/, 'cancelled'],
];

/**
 * What the recorded callers of `role` saw. `onWire`: the places in `outcome` of the calls that the recording shows,
 * where it has others too.
 */
export function recordedOutcomes(recording: WholeRecording, role: Side, onWire?: readonly number[]): unknown[] {
  const { name, outcome } = recording;
  const openers = openersOf(recording);
  if (!Array.isArray(outcome)) {
    // One sum of all calls, which the dialer made.
    return outcome === undefined || name === 'quirk-second-connect' || role === 'acceptor' ? [] : [outcome];
  }
  // Null is the place of something that was no call.
  const shown =
    onWire === undefined ? outcome.filter((seen) => seen !== null) : onWire.map((place): unknown => outcome[place]);
  const ofRole = shown.length === openers.length ? shown.filter((_, call) => openers[call] === role) : shown;
  return ofRole.map((seen) => plain(name, seen));
}

/** What our callers saw. */
export function ourOutcomes({ name, outcome }: WholeRecording, calls: readonly RecordedCall[]): unknown[] {
  const equals = ({ got, payload }: RecordedCall): boolean => hexOf(got[0] as Uint8Array) === hexOf(payload);
  if (outcome === undefined || calls.length === 0) return [];
  switch (name) {
    case 'unary-parallel':
      return [{ ok: calls.filter(equals).length }];
    case 'unary-large':
      return calls.map((call) => ({ bytes: (call.got[0] as Uint8Array).length, equal: equals(call) }));
    case 'duplex-wide': {
      const texts = calls[0]!.got.map((item) => new TextDecoder().decode(item as Uint8Array));
      return [{ n: texts.length, first: texts[0], last: texts.at(-1) }];
    }
    default:
      return calls.map(outcomeOf);
  }
}

function openersOf({ steps }: WholeRecording): Side[] {
  const openers: Side[] = [];
  for (const step of steps) {
    if (step.kind !== 'message') continue;
    const frames: readonly RecordedFrame[] = step.frame.merged ?? [step.frame];
    for (const { op } of frames) if (op === 'Request' || op === 'ConnectMux') openers.push(step.from);
  }
  return openers;
}

function plain(name: string, outcome: any): unknown {
  const { id: _id, ms: _ms, n, got, err, remote, ...others } = outcome;
  const failure = err === undefined ? {} : { err: remote === true ? err : codeOf(err), remote };
  if (got !== undefined) {
    const items = got ?? [];
    if (n !== items.length) throw new Error(`${name} counts ${n} items and names ${items.length}.`);
    return { got: items, ...failure };
  }
  // The first of these was made with a typed call, the others with bytes; ours are all typed.
  if (name === 'typed' && typeof others.result === 'string') {
    const result = msgpack().decode(bytesOfHex(others.result));
    return { result: result instanceof Uint8Array ? hexOf(result) : result };
  }
  return { ...others, ...failure };
}

function codeOf(text: string): string {
  return localErrors.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}
