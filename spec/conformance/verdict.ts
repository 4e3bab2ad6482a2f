import { isDeepStrictEqual } from 'node:util';
import { createChecksum } from '../../lib/wire/checksum.js';
import { decodeFrames } from '../../lib/wire/decode.js';
import { Flag, Op } from '../../lib/wire/ops.js';
import { showsHandshake, type HandlerEvent, type Side, type WholeRecording } from '../support/replay/recordings.js';
import {
  linesByMux,
  otherSide,
  renumber,
  sentFrame,
  type ExpectedFrame,
  type SentFrame,
} from '../support/replay/replay-frames.js';
import { Replay } from '../support/replay/replay.js';
import { bytesOfHex, type RecordedFrame } from '../support/protocol/vectors.js';
import { expectedFrames, type Difference } from './differences.js';
import { ourOutcomes, recordedOutcomes } from './outcomes.js';
import { plans } from './plans.js';

/** Everything that a replay compares. */
export interface Verdict {
  /** What our side sent, by mux. */
  readonly frames: Readonly<Record<string, readonly string[]>>;
  /** Frames that take no number in sequence. */
  readonly gaps: readonly SentFrame[];
  readonly events: readonly HandlerEvent[];
  readonly outcomes: readonly unknown[];
  readonly ends: readonly string[];
  /** Pings after handshakes. */
  readonly greetings: number;
  readonly faults: readonly string[];
  /** Where our side dialed. */
  readonly dials: readonly string[];
}

/** A replay that has been played. */
export interface Played {
  readonly replay: Replay;
  readonly seen: Verdict;
  readonly expected: Verdict;
  /** Differences in the plan without which the two are the same too. */
  readonly needless: readonly string[];
}

/** Plays one recording with our side in one role. */
export async function play(recording: WholeRecording, role: Side): Promise<Played> {
  const { differences = [], ...plan } = plans[role][recording.name] ?? {};
  const recorded = await recordedFrames(recording, role);
  const replay = new Replay(recording, role, { ...plan, expected: expectedFrames(recorded, differences) });
  await replay.run();
  const seen = seenWith(replay, differences);
  const expected = expectedWith(recording, role, recorded, differences);
  const needless = differences.filter((difference) => {
    const others = differences.filter((other) => other !== difference);
    return isDeepStrictEqual(seenWith(replay, others), expectedWith(recording, role, recorded, others));
  });
  return { replay, seen, expected, needless: needless.map(({ name }) => name) };
}

function seenWith(replay: Replay, differences: readonly Difference[]): Verdict {
  const { calls, events, ends, greetings, faults, dials } = replay;
  const sent = differences.reduce<readonly SentFrame[]>((frames, { ours }) => ours?.(frames) ?? frames, replay.sent);
  const numbered = renumber(sent);
  return {
    frames: compared(sent, differences),
    gaps: sent.filter((frame, index) => frame.seq !== numbered[index]!.seq),
    events: [...events],
    outcomes: ourOutcomes(replay.recording, calls),
    ends,
    greetings,
    faults: [...faults, ...differences.flatMap(({ check }) => check?.(sent) ?? [])],
    dials: [...new Set(dials.map(({ url }) => url))],
  };
}

function expectedWith(
  recording: WholeRecording,
  role: Side,
  recorded: readonly ExpectedFrame[],
  differences: readonly Difference[],
): Verdict {
  const closed = recording.steps.some((step) => step.kind === 'closed' && step.from === role);
  const again = secondFrames(recording).length > 0;
  const ends: readonly string[] = [closed ? 'destroyed' : 'open', ...(again ? ['open'] : [])];
  // Recorded at the acceptor, whose handlers are ours in that role only.
  const events = role === 'acceptor' ? recording.handlerEvents : [];
  const weDial = role === 'dialer' || recording.name === 'handshake-wrong-direction';
  const onWire = differences.flatMap((difference) => difference.onWire ?? []);
  const outcomes = recordedOutcomes(recording, role, onWire.length === 0 ? undefined : onWire);
  const change = <T>(value: T, by: (difference: Difference) => ((value: T) => T) | undefined): T =>
    differences.reduce((changed, difference) => by(difference)?.(changed) ?? changed, value);
  return {
    frames: compared(expectedFrames(recorded, differences), differences),
    gaps: [],
    events: change(events, (difference) => difference.events),
    outcomes: change<readonly unknown[]>(outcomes, (difference) => difference.outcomes),
    ends: change(ends, (difference) => difference.ends),
    greetings: connects(recording) + (again ? 1 : 0),
    faults: [],
    dials: weDial ? [`${recording[otherSide(role)].replace('http', 'ws')}/minio/grid/v1`] : [],
  };
}

function compared(frames: readonly SentFrame[], differences: readonly Difference[]): Record<string, string[]> {
  const masked = differences.reduce<readonly SentFrame[]>(
    (hidden, { mask }) => (mask === undefined ? hidden : hidden.map(mask)),
    frames,
  );
  return linesByMux(masked, new Set(differences.flatMap(({ apart }) => apart ?? [])));
}

/** What the recorded side sent in this role. */
async function recordedFrames(recording: WholeRecording, role: Side): Promise<ExpectedFrame[]> {
  const checksum = await createChecksum();
  const frames = recording.steps.flatMap((step, index) => {
    if (step.kind !== 'message' || step.from !== role) return [];
    return decodeFrames(step.bytes, (bytes) => checksum.hash(bytes)).map((frame) => ({
      ...sentFrame(frame, role, (_opener, id) => String(id)),
      step: index,
    }));
  });
  return [...frames, ...secondFrames(recording)];
}

/** What the acceptor sent on the second connection, which one recording shows in its outcome. */
function secondFrames({ outcome, steps }: WholeRecording): ExpectedFrame[] {
  const { second = [] } = (outcome ?? {}) as { second?: readonly RecordedFrame[] };
  return second.map(({ op, muxId, seq, deadlineMs, handler, flags, payload }) => ({
    ...sentFrame(
      {
        muxId: Number(muxId),
        seq,
        deadlineMs,
        handler,
        op: Op[op!],
        flags: flags.reduce((sum, name) => sum | Flag[name], 0),
        payload: bytesOfHex(payload as string),
      },
      'acceptor',
      (_opener, id) => String(id),
    ),
    step: steps.length - 1,
  }));
}

/** 1 where the recording's handshake ends well, or was over before. */
function connects(recording: WholeRecording): number {
  const accepted = recording.steps.some(
    ({ ...step }) => step.kind === 'message' && isAccepted(step.frame) && step.from === 'acceptor',
  );
  return accepted || !showsHandshake(recording) ? 1 : 0;
}

/** The key Accepted with true, in MessagePack. */
function isAccepted({ op, payload }: RecordedFrame): boolean {
  return op === 'ConnectResponse' && typeof payload === 'string' && payload.includes('a84163636570746564c3');
}
