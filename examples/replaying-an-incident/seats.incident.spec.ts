import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { gridTest, readRecording, replay } from 'rxgrid/testing';
import { serveSeats } from './seats.js';

// #region incident
const recording = readRecording(readFileSync(join(__dirname, 'incident.jsonl')));

test('two passengers who ask for a seat within its payment do not both get it', () =>
  gridTest(async ({ clock }) => {
    const office = replay(recording, { runtime: clock, exposeErrors: true });
    serveSeats(office);
    const { calls, differences } = await office.run();
    const [ada, bo] = calls;
    expect(ada?.replayed).toMatchObject({ values: ['Ada has seat 12'], end: 'ok' });
    // In the recording, he gets the seat as well.
    expect(bo?.recorded).toMatchObject({ values: ['Bo has seat 12'], end: 'ok' });
    expect(bo?.replayed).toMatchObject({ values: [], end: 'error', error: 'Seat 12 is taken.' });
    expect(differences).toHaveLength(1);
  }));
// #endregion
