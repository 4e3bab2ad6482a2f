import { take } from 'rxjs';
import { consume } from '../../lib/operators/consume.js';
import { fromCaller, messageOf } from '../support/protocol/frames.js';
import type { Side, WholeRecording } from '../support/replay/recordings.js';
import type { Replay, Score } from '../support/replay/replay.js';
import {
  additional,
  announcement,
  answerToResponder,
  creditWhenDone,
  errorText,
  fewerCredits,
  nilTime,
  noResponse,
  oneAnswer,
  oneCancel,
  otherOrder,
  pongsByThemselves,
  refusedAtHome,
  rejectionText,
  silentAfterEnd,
  type Difference,
} from './differences.js';

/** How a recording is replayed in one role. */
export interface Plan extends Omit<Score, 'expected'> {
  readonly differences?: readonly Difference[];
}

/** Time that a rejected socket stays open, and more. */
const linger = 200;
/** The idle recording takes 33.5 s. */
const idle = 40_000;

const pass = (ms: number) => async (replay: Replay) => replay.time.pass(ms);

/** The same host connects again, with the Connect of the recording, and calls: `outcome.second` has the answers. */
async function connectAgain(replay: Replay): Promise<void> {
  const end = replay.accept();
  end.receive(connectOf(replay.recording));
  await replay.time.settle();
  end.receive(messageOf([fromCaller.request(1, { handler: 9, deadlineMs: 1_000, payload: 'second' })]));
  await replay.time.settle();
}

function connectOf({ steps }: WholeRecording): Uint8Array {
  const [first] = steps;
  if (first?.kind !== 'message') throw new Error('The recording begins with a Connect.');
  return first.bytes;
}

const rejected: Plan = { patience: linger };
const rejectedInOtherWords: Plan = { patience: linger, differences: [rejectionText] };

const acceptor: Readonly<Record<string, Plan>> = {
  duplex: { differences: [creditWhenDone('dialer 1', 2, 'echo')] },
  // Before the input ends, the handler has credit for 89 items: the greeting, and 88 answers of which the last one
  // waits.
  'duplex-wide': { differences: [creditWhenDone('dialer 1', 87, 'echo')] },
  'fault-over-credit': { burst: [5, 6, 7, 8], differences: [creditWhenDone('dialer 1', 0)] },
  'fault-sequence-gap': { differences: [creditWhenDone('dialer 1', 1, 'echo')] },
  'fault-text': {
    webSocket: true,
    before: {
      2: (replay) => {
        replay.text('The recording does not hold this message: it is no frame.');
      },
    },
  },
  'fault-unexpected-input': {
    differences: [{ name: 'pulled handler', events: (events) => events.map((event) => ({ ...event, at: 3 })) }],
  },
  'fault-unknown-mux': {
    differences: [
      answerToResponder('acceptor 913 (none of ours)', 7),
      answerToResponder('acceptor 910 (none of ours)', 10),
      answerToResponder('acceptor 904 (none of ours)', 15),
      nilTime('dialer', 903),
    ],
  },
  'handshake-bad-token': rejectedInOtherWords,
  'handshake-clock-skew': rejectedInOtherWords,
  'handshake-garbage': rejectedInOtherWords,
  'handshake-not-connect': rejected,
  'handshake-unknown-host': rejectedInOtherWords,
  'handshake-wrong-direction': rejectedInOtherWords,
  keepalive: { patience: idle, differences: [nilTime('dialer', 1)] },
  'quirk-connect-eof': {
    differences: [additional('Eof opens with complete input', 'dialer 1', 'AckMux', ['0 messages, 0 bytes'])],
  },
  'quirk-second-connect': {
    before: { 2: connectAgain },
    differences: [{ name: 'polite close', ends: (ends) => ['closed', ...ends.slice(1)] }],
  },
  'quirk-unary-cancel': { differences: [noResponse('dialer 1')] },
  'stream-cancel': {
    differences: [additional('credit used before a cancel', 'dialer 1', 'MuxServerMsg', ['9'])],
  },
  'stream-client': { differences: [creditWhenDone('dialer 1', 6)] },
  'stream-deadline': {
    before: { 2: pass(300) },
    differences: [
      {
        name: 'slack of the responder',
        events: (events) =>
          events.map((event) => (event.cause === undefined ? event : { ...event, cause: 'context canceled' })),
      },
    ],
  },
  'stream-missing': { differences: [refusedAtHome([2]), errorText('dialer 1')] },
  subroute: {
    differences: [errorText('dialer 3'), errorText('dialer 4', 'text of a panic'), oneAnswer('dialer 4', 10)],
  },
  typed: {
    differences: [errorText('dialer 4', 'text of a decoder'), errorText('dialer 7', 'text of a decoder')],
  },
  'unary-deadline': { patience: 50 },
  'unary-error': { differences: [refusedAtHome([0, 1]), errorText('dialer 2')] },
};

const dialer: Readonly<Record<string, Plan>> = {
  duplex: { differences: [creditWhenDone('acceptor 1', 0)] },
  'duplex-wide': { differences: [otherOrder('dialer 1')] },
  'handshake-accepted': { differences: [announcement] },
  // The other side's end comes when the deadline has passed on both.
  keepalive: { patience: idle, before: { 18: pass(3_520) }, differences: [pongsByThemselves] },
  'stream-cancel': {
    consumer: () => take(5),
    differences: [
      oneCancel('dialer 1'),
      fewerCredits('credit of the last item', 'dialer 1', 4),
      answerToResponder('dialer 1', 7),
      {
        name: 'consumer that stops',
        outcomes: (outcomes) => outcomes.map((outcome) => ({ got: (outcome as { got: unknown }).got })),
      },
    ],
  },
  'stream-deadline': { patience: 400, differences: [oneCancel('dialer 1')] },
  'stream-missing': { differences: [refusedAtHome([2])] },
  'stream-server-slow': {
    patience: 400,
    consumer: (time) =>
      consume(async (item) => {
        await time.sleep(20);
        return item;
      }),
  },
  subroute: { differences: [silentAfterEnd('dialer 4')] },
  typed: { typed: true },
  'unary-error': { differences: [refusedAtHome([0, 1])] },
  'unary-ok': {
    differences: [
      {
        name: 'null and empty',
        outcomes: (outcomes) =>
          outcomes.map((outcome) => ((outcome as { result: unknown }).result === null ? { result: '' } : outcome)),
      },
    ],
  },
};

/** Everything that the replays of one role need, by recording; one that is not here needs nothing. */
export const plans: Readonly<Record<Side, Readonly<Record<string, Plan>>>> = { acceptor, dialer };
