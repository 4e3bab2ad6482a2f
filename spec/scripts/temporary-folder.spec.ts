import { afterEach, describe, expect, it } from '@jest/globals';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTemporaryFolder, temporaryFolder } from '../../scripts/temporary-folder.mjs';

describe('temporaryFolder', () => {
  const made: string[] = [];
  const make = (): string => {
    const folder = temporaryFolder(join(tmpdir(), 'rxgrid-spec-'));
    made.push(folder);
    return folder;
  };

  afterEach(() => {
    for (const folder of made.splice(0)) removeTemporaryFolder(folder);
  });

  it('makes folders of their own, which are removed with what is in them', () => {
    const [one, other] = [make(), make()];
    expect(one).not.toBe(other);
    writeFileSync(join(one, 'file'), 'text');
    removeTemporaryFolder(one);
    expect([existsSync(one), existsSync(other)]).toStrictEqual([false, true]);
  });

  // One listener for each of a hundred folders gave a MaxListenersExceededWarning.
  it('waits for the end of the process with one listener for all, and with none when all are removed', () => {
    const before = process.listenerCount('exit');
    const folders = Array.from({ length: 12 }, make);
    expect(process.listenerCount('exit')).toBe(before + 1);
    for (const folder of folders) removeTemporaryFolder(folder);
    expect(process.listenerCount('exit')).toBe(before);
  });
});
