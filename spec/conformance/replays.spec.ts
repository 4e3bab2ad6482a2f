import { describe, expect, it } from '@jest/globals';
import { readWholeRecordings, readWholeRecording, type Side } from '../support/replay/recordings.js';
import { reasons } from './differences.js';
import { plans } from './plans.js';
import { play } from './verdict.js';

/*
 * Our side in the place of one side of each recording. What it sends is compared with what was recorded; where the two
 * differ by intent, `plans.ts` names the difference, and `differences.ts` says why.
 */

const recordings = readWholeRecordings();
const names = recordings.map(({ name }) => name);

/** Their dialer is made by hand, to probe the reference's acceptor: in its place there is nothing to compare with. */
const handMade = [
  'fault-crc',
  'fault-over-credit',
  'fault-sequence-gap',
  'fault-text',
  'fault-truncated',
  'fault-unexpected-input',
  'fault-unknown-mux',
  'fault-unknown-op',
  'handshake-bad-token',
  'handshake-clock-skew',
  'handshake-extra-keys',
  'handshake-garbage',
  'handshake-not-connect',
  'handshake-unknown-host',
  'handshake-wrong-direction',
  'quirk-connect-eof',
  'quirk-extra-bytes',
  'quirk-merged-one-crc',
  'quirk-no-crc',
  'quirk-second-connect',
  'quirk-stateless',
  'quirk-unary-cancel',
];

const replayed: Readonly<Record<Side, readonly string[]>> = {
  acceptor: names,
  dialer: names.filter((name) => !handMade.includes(name)),
};

for (const role of ['acceptor', 'dialer'] as const) {
  describe(`our side as the ${role}`, () => {
    for (const name of replayed[role]) {
      it(`sends the recorded frames: ${name}`, async () => {
        const { seen, expected, needless } = await play(readWholeRecording(name), role);
        expect(seen).toStrictEqual(expected);
        // A difference that is not there any more must not hide another one.
        expect(needless).toStrictEqual([]);
      });
    }
  });
}

describe('the replays', () => {
  it('cover every recording', () => {
    expect(recordings).toHaveLength(41);
    expect(recordings.filter((recording) => recording.handMade).map(({ name }) => name)).toStrictEqual(handMade);
    expect(replayed.dialer).toHaveLength(19);
  });

  it('have no plan without a recording', () => {
    for (const role of ['acceptor', 'dialer'] as const) {
      expect(Object.keys(plans[role]).filter((name) => !replayed[role].includes(name))).toStrictEqual([]);
    }
  });

  it('use every explained difference', () => {
    const used = [plans.acceptor, plans.dialer].flatMap((byName) =>
      Object.values(byName).flatMap(({ differences = [] }) => differences.map(({ name }) => name)),
    );
    expect(Object.keys(reasons).filter((name) => !used.some((other) => other === name))).toStrictEqual([]);
  });
});

describe('information missing from the messages of a recording', () => {
  it('is the upgrade, with the token and the time in its headers', async () => {
    const recording = readWholeRecording('handshake-accepted');
    const { replay } = await play(recording, 'dialer');
    const upgrade = recording.steps.find((step) => step.kind === 'upgrade')!;
    const [dial] = replay.dials;
    expect(new URL(dial!.url).pathname).toBe(upgrade.url);
    expect(dial!.headers.Authorization).toBe(upgrade.headers.authorization);
    // The recorded one is some ms older than the Time of the Connect, which is our clock's.
    const elapsed = BigInt(dial!.headers['X-Minio-Time']!) - BigInt(upgrade.headers['x-minio-time']!);
    expect(Math.abs(Number(elapsed) / 1e6)).toBeLessThan(50);
  });

  it('is the caller’s error when the deadline of the idle stream passes', async () => {
    const { replay } = await play(readWholeRecording('keepalive'), 'dialer');
    expect(replay.calls.map(({ got, error }) => ({ got, code: (error as { code?: string }).code }))).toStrictEqual([
      { got: [], code: 'deadline-exceeded' },
    ]);
  });
});
