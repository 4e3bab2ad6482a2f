import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ignoreElements, Subject } from 'rxjs';
import type { Handles } from '../../../../lib/contract/handler.js';
import { temporaryFileAge, temporarySweepInterval } from '../../../../lib/bounds.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { serveFiles } from '../../../../lib/node/files/serve/serve-files.js';
import { sweepKilled, sweepRepeatedly } from '../../../../lib/node/files/folder/sweep.js';
import { partialName, temporaryName } from '../../../../lib/node/files/disk/temporary.js';
import { namesIn } from '../../../support/files/file-stream.js';
import { ownNameOfKilled } from '../../../support/files/killed-owner.js';
import { ManualRuntime } from '../../../support/manual-runtime.js';

const part = '.big.rxgrid-part';
let folder: string;
let runtime: ManualRuntime;
let closing: Subject<never>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-sweep-'));
  runtime = new ManualRuntime();
  closing = new Subject();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const lifetime = () => ({ runtime, closed$: closing.pipe(ignoreElements()) });

/** Leaves a part that was written to so long ago, in ms. */
function leave(age: number): void {
  const path = join(folder, part);
  writeFileSync(path, 'some');
  utimesSync(path, new Date(), new Date(runtime.wallNow() - age));
}

/** The result waits until the next sweep is over. */
function sweeper(): () => Promise<void> {
  const swept = new Subject<void>();
  let count = 0;
  let seen = 0;
  swept.subscribe(() => count++);
  sweepRepeatedly(new RootFolder(folder), lifetime(), () => {
    swept.next();
  });
  return async () => {
    while (count === seen) await new Promise((resolve) => setImmediate(resolve));
    seen = count;
  };
}

describe('the repeated sweep', () => {
  it('removes files that have become old since the last one', async () => {
    leave(temporaryFileAge - temporarySweepInterval / 2);
    const swept = sweeper();
    await swept();
    expect(namesIn(folder)).toStrictEqual([part]);
    runtime.advance(temporarySweepInterval);
    await swept();
    expect(namesIn(folder)).toStrictEqual([]);
    leave(2 * temporaryFileAge);
    runtime.advance(temporarySweepInterval);
    await swept();
    expect(namesIn(folder)).toStrictEqual([]);
  });

  it('waits for its pause, however long a sweep takes, and ends with its owner', async () => {
    const swept = sweeper();
    expect(runtime.scheduled).toBe(0);
    await swept();
    leave(2 * temporaryFileAge);
    runtime.advance(temporarySweepInterval - 1);
    expect(runtime.scheduled).toBe(1);
    closing.complete();
    expect(runtime.scheduled).toBe(0);
    runtime.advance(2 * temporarySweepInterval);
    expect(namesIn(folder)).toStrictEqual([part]);
  });

  it('does not begin after the end', () => {
    closing.complete();
    leave(2 * temporaryFileAge);
    sweepRepeatedly(new RootFolder(folder), lifetime());
    runtime.advance(temporarySweepInterval);
    expect(namesIn(folder)).toStrictEqual([part]);
  });
});

describe('a server', () => {
  const registration = { remove: () => undefined, replace: () => undefined };
  const handles = (): Handles => ({
    handle: () => registration,
    handleAll: () => registration,
    handleRaw: () => registration,
    lifetime: lifetime(),
  });

  it('sweeps by the clock of its manager where it may write', async () => {
    leave(2 * temporaryFileAge);
    serveFiles(handles(), { root: folder, writable: true });
    while (runtime.scheduled === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(namesIn(folder)).toStrictEqual([]);
    closing.complete();
  });

  it('sweeps nothing where it is read-only', async () => {
    leave(2 * temporaryFileAge);
    serveFiles(handles(), { root: folder });
    await new Promise((resolve) => setImmediate(resolve));
    expect([namesIn(folder), runtime.scheduled]).toStrictEqual([[part], 0]);
  });
});

it('files left by killed processes in one folder are removed, unless they can be resumed', async () => {
  const left = ownNameOfKilled('a');
  const gone = left.replace('rxgrid-own', 'rxgrid-tmp');
  const kept = [
    left,
    temporaryName('b'),
    partialName('c'),
    gone.replace(/^\.a\.[0-9a-f]{8}/, '.a.00000000'),
    'd.rxgrid-tmp',
  ];
  mkdirSync(join(folder, 'sub'));
  for (const name of [...kept, gone, `sub/${gone}`]) writeFileSync(join(folder, name), 'x');
  await sweepKilled(folder);
  expect(namesIn(folder)).toStrictEqual([...kept, 'sub'].sort());
  expect(namesIn(join(folder, 'sub'))).toStrictEqual([gone]);
  await expect(sweepKilled(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});
