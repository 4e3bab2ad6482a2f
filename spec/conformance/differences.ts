import { announcedExtensions } from '../../lib/connection/handshake.js';
import { MsgpackWriter } from '../../lib/wire/msgpack/msgpack-writer.js';
import { isCredit, muxName, renumber, type ExpectedFrame, type SentFrame } from '../support/replay/replay-frames.js';
import type { HandlerEvent } from '../support/replay/recordings.js';
import { hexOf } from '../support/protocol/vectors.js';

/*
 * Where our side differs from the reference by intent. A replay compares everything exactly, but for what it lists from
 * here; and what it lists must be there, or it is struck from the list.
 */

/** Differences of every replay; `replay.ts` and `replay-frames.ts` take them out, and check what is left of them. */
export const everywhere = {
  'own mux ids': 'They begin at 2^40 towards a reference, whose answers to strays would end ours: section 2.1.',
  'first ping': 'Ours pings right after the handshake too, to learn the round-trip time; one ping for each connection.',
  'one checksum a message': 'It stands on the outermost tuple, and none inside: section 3.',
  merging: 'Which frames share a message differs from run to run.',
  'ids and times': 'Process ids and clocks differ from run to run. Our pings carry the time of the clock all the same.',
  'own pings and answers':
    'Which comes first, our Ping or our Pong for theirs, is a matter of time. So the two are compared apart.',
} as const;

/** Why, for each difference that some replays have. */
export const reasons = {
  'text of a refusal': 'Texts of errors that the library makes are for people, and ours say what to do.',
  'text of a panic':
    'Ours sends the text of what a handler throws, whatever it is; the reference says that it was a panic.',
  'text of a decoder': 'What a handler of another language says when a payload does not fit is its own.',
  'one cancel': 'One DisconnectServerMux suffices, and the reference sends two: section 7.',
  'credit when done':
    'An upstream credit is given back when the handler is done with the item, not when it enters a queue; and none for items that come with the end of the input or after it. So credits come later, between other items, and fewer.',
  'credit and items': 'Whether a caller first returns credit or sends is a matter of time where it does both at once.',
  'credit of the last item':
    'The consumer ends the call with its fifth item. Ours has no queue that took two more before.',
  'credit used before a cancel':
    'Two credits and a cancel come in one message: ours sends two items for them, the reference, by luck, one.',
  'silent after the end':
    'A mux ends once, and nothing is sent on it afterwards: a caller that heard the end sends no input.',
  'one answer to a burst': 'What comes at once for a mux that has ended is answered once.',
  'stray of a responder':
    'What a responder sends for a mux that has ended is answered with DisconnectServerMux. The reference answers DisconnectClientMux, which names a mux of the other direction: a known fault, section 7.',
  'unary cancel': 'A cancelled unary call is stopped, and gets no answer: an extension, section 6.',
  'Pong by itself':
    'A side that has read no Ping for one and a half intervals answers the last one again, since the next one may wait behind other frames. In a replay the pings come later than they did.',
  'no time in a Pong': 'The Pong of a stream carries nil instead of the time of the year 1: section 5.',
  extensions: 'Our Connect announces extensions in a key that the reference skips: section 4.',
  'Eof opens with complete input':
    'Eof on the ConnectMux of a handler with input completes the input. At the reference the handler waits for ever: section 7.',
  'slack of the responder':
    "A responder's deadline has 50 ms on top (section 7), so the cancel of a caller whose deadline passed comes before it.",
  'pulled handler': 'A handler is pulled one item per credit. That of the reference runs ahead of it into a queue.',
  'polite close': 'A connection that a new one replaces is closed with a close frame: nothing is wrong with it.',
  'null and empty': 'A raw response that is null and one that is empty are both zero bytes: so says the codec `raw`.',
  'consumer that stops': 'take(5) completes. The recorded caller cancelled by hand, and made an error of it.',
  'handler unknown to the caller':
    'The reference refuses calls that its own table lacks; ours needs no table, so those calls are not made.',
} as const;

export type DifferenceName = keyof typeof reasons;

/** One difference, as it shows in one replay. */
export interface Difference {
  readonly name: DifferenceName;
  /** Makes of what the recording's side sent what ours must send. */
  readonly frames?: (frames: readonly ExpectedFrame[]) => readonly ExpectedFrame[];
  /** Leaves out what ours sends and the recording's side did not. */
  readonly ours?: (sent: readonly SentFrame[]) => readonly SentFrame[];
  /** Hides in a frame, ours and the recorded, what is not compared. */
  readonly mask?: (frame: SentFrame) => SentFrame;
  /** The mux in which credits are counted and not ordered. */
  readonly apart?: string;
  /** What is wrong with the order of what our side sent, where that is hidden so. */
  readonly check?: (sent: readonly SentFrame[]) => readonly string[];
  /** How our side left its sockets. */
  readonly ends?: (ends: readonly string[]) => readonly string[];
  readonly events?: (events: readonly HandlerEvent[]) => readonly HandlerEvent[];
  /** Places in `outcome` of the calls that ours makes. */
  readonly onWire?: readonly number[];
  readonly outcomes?: (outcomes: readonly unknown[]) => readonly unknown[];
}

const isOn = (mux: string, op: string) => (frame: SentFrame) => frame.mux === mux && frame.op === op;

/** What our side must send, after all differences: numbered anew where frames are left out or put in. */
export function expectedFrames(
  recorded: readonly ExpectedFrame[],
  differences: readonly Difference[],
): readonly ExpectedFrame[] {
  return renumber(differences.reduce((frames, { frames: change }) => change?.(frames) ?? frames, recorded));
}

// --- pings

/** Pongs of the connection that repeat the one before are left out. */
export const pongsByThemselves: Difference = {
  name: 'Pong by itself',
  ours: (sent) => {
    const isPong = isOn('connection', 'Pong');
    const pongs = sent.filter(isPong);
    return sent.filter((frame) => !isPong(frame) || frame.payload !== pongs[pongs.indexOf(frame) - 1]?.payload);
  },
};

// --- texts

const someText = '<some text>';
/** RejectedReason in a ConnectResponse: a str8 or a fixstr of one character or more, to the end. */
const reason = /(?<=ae52656a6563746564526561736f6e)(d9[0-9a-f]{2}|[ab][1-9a-f]|b0)([0-9a-f]{2})+$/;

/** The text of a RejectedReason. */
export const rejectionText: Difference = {
  name: 'text of a refusal',
  mask: (frame) =>
    frame.op === 'ConnectResponse' ? { ...frame, payload: frame.payload.replace(reason, someText) } : frame,
};

/** The text of a MuxConnectError, or of an error payload. */
export function errorText(mux: string, name: DifferenceName = 'text of a refusal'): Difference {
  return {
    name,
    mask: (frame) => {
      if (frame.mux !== mux || frame.payload === '') return frame;
      if (frame.op === 'MuxConnectError') {
        return { ...frame, payload: frame.payload.replace(/(?<=^81a54572726f72)([ab]|d9)[0-9a-f]+$/, someText) };
      }
      return frame.flags.includes('PayloadIsErr') ? { ...frame, payload: someText } : frame;
    },
  };
}

// --- cancels

/** Of the two cancels, the one that repeats the sequence is left out. */
export function oneCancel(mux: string): Difference {
  const isFirst = isOn(mux, 'DisconnectServerMux');
  return { name: 'one cancel', frames: (frames) => frames.filter((frame) => !isFirst(frame) || frame.seq === 0) };
}

/** The answer to a call that was cancelled is left out. */
export function noResponse(mux: string): Difference {
  const isAnswer = isOn(mux, 'Response');
  return { name: 'unary cancel', frames: (frames) => frames.filter((frame) => !isAnswer(frame)) };
}

/** What was sent on a mux after its end is left out. */
export function silentAfterEnd(mux: string): Difference {
  const isItem = isOn(mux, 'MuxClientMsg');
  return { name: 'silent after the end', frames: (frames) => frames.filter((frame) => !isItem(frame)) };
}

/** Of the answers to strays that came in one message, one is left. */
export function oneAnswer(mux: string, step: number): Difference {
  return {
    name: 'one answer to a burst',
    frames: (frames) => {
      const answers = frames.filter((frame) => isOn(mux, 'DisconnectClientMux')(frame) && frame.step === step);
      return frames.filter((frame) => !answers.slice(1).includes(frame));
    },
  };
}

/** Answers to strays of a responder name the mux of the right direction. `mux`: its id there. */
export function answerToResponder(mux: string, step: number): Difference {
  return {
    name: 'stray of a responder',
    frames: (frames) =>
      frames.map((frame) => {
        if (frame.step !== step || frame.op !== 'DisconnectClientMux') return frame;
        return { ...frame, mux, op: 'DisconnectServerMux' };
      }),
  };
}

// --- credit and items

/** `e:`, with which the echo answers. */
const echoed = '653a';

function keepCredits(mux: string, count: number): NonNullable<Difference['frames']> {
  return (frames) => {
    let left = count;
    return frames.filter((frame) => frame.mux !== mux || !isCredit(frame) || left-- > 0);
  };
}

/** Only `told` upstream credits, at other points: where the handler is an echo, each after the answer to its item. */
export function creditWhenDone(mux: string, told: number, handler?: 'echo'): Difference {
  const check = (sent: readonly SentFrame[]): readonly string[] => {
    const faults: string[] = [];
    let done = 0;
    for (const frame of sent.filter((one) => one.mux === mux)) {
      if (frame.payload.startsWith(echoed)) done++;
      else if (isCredit(frame) && --done < 0) faults.push(`credit #${frame.seq} comes before its item is done with`);
    }
    return faults;
  };
  return {
    name: 'credit when done',
    frames: keepCredits(mux, told),
    apart: mux,
    ...(handler === 'echo' ? { check } : {}),
  };
}

/** Only `told` downstream credits. */
export function fewerCredits(name: DifferenceName, mux: string, told: number): Difference {
  return { name, frames: keepCredits(mux, told) };
}

/** Credits and items follow each other otherwise. */
export function otherOrder(mux: string): Difference {
  return { name: 'credit and items', apart: mux };
}

/** Frames that ours sends in addition, after the last one of `after` on the mux. */
export function additional(name: DifferenceName, mux: string, after: string, payloads: readonly string[]): Difference {
  return {
    name,
    frames: (frames) => {
      const at = frames.findLastIndex(isOn(mux, after));
      const { step } = frames[at]!;
      const more = payloads.map((text) => ({
        mux,
        step,
        op: 'MuxServerMsg',
        seq: 0,
        deadlineMs: 0,
        handler: 0,
        flags: '',
        payload: hexOf(new TextEncoder().encode(text)),
        subroute: '',
      }));
      return [...frames.slice(0, at + 1), ...more, ...frames.slice(at + 1)];
    },
  };
}

// --- payloads

const timeOfYearOne = 'c70c05fffffff1886e090000000000';

export function nilTime(opener: 'dialer' | 'acceptor', id: number): Difference {
  const isPong = isOn(muxName(opener, String(id)), 'Pong');
  return {
    name: 'no time in a Pong',
    frames: (frames) =>
      frames.map((frame) =>
        isPong(frame) ? { ...frame, payload: frame.payload.replace(timeOfYearOne, 'c0') } : frame,
      ),
  };
}

/** The key `Ext` of our Connect, in hex. */
const announced = (() => {
  const writer = new MsgpackWriter().string('Ext');
  const extensions = Object.entries(announcedExtensions('auto'));
  writer.map(extensions.length);
  for (const [name, value] of extensions) writer.string(name).uint(value);
  return Buffer.from(writer.finish()).toString('hex');
})();

/** Ext, a map of `ack: 1`, `credits: 1` and `bytes: 1`, after the four keys of the reference. */
export const announcement: Difference = {
  name: 'extensions',
  frames: (frames) =>
    frames.map((frame) => {
      if (frame.op !== 'Connect') return frame;
      return {
        ...frame,
        payload: `${frame.payload.replace(/^84/, '85')}${announced}`,
      };
    }),
};

/** Of the calls in `outcome`, those at these places left the reference. */
export function refusedAtHome(onWire: readonly number[]): Difference {
  return { name: 'handler unknown to the caller', onWire };
}
