import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom, Subject } from 'rxjs';
import type { FileItem } from '../../../../lib/files/file-item.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import { sweepTemporaries } from '../../../../lib/node/files/folder/sweep.js';
import { isOwned, ownerMark } from '../../../../lib/node/files/disk/owner.js';
import { receiveFile } from '../../../../lib/node/files/receive/receive-file.js';
import type { ReceiveFileOptions } from '../../../../lib/node/files/receive/receive-options.js';
import { partialFile } from '../../../../lib/node/files/disk/temporary.js';
import { kindOf } from '../../../support/files/file-grid.js';
import { itemsOf, namesIn, someBytes } from '../../../support/files/file-stream.js';

/*
 * Files that can be continued, where another process writes the same one, has touched it, or was killed.
 */

const bytes = someBytes(300_000);
const half = 150_000;
let folder: string;
let target: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-two-'));
  target = join(folder, 'target');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const ownPath = (): string | undefined => {
  const own = namesIn(folder).find((name) => name.endsWith('.rxgrid-own'));
  return own === undefined ? undefined : join(folder, own);
};

/** Receives; `meanwhile` runs when all bytes are written, and before the end comes. */
async function receive(
  items: readonly FileItem[],
  options: ReceiveFileOptions = {},
  meanwhile: (own: string) => void = () => undefined,
): Promise<string> {
  const source = new Subject<FileItem>();
  const outcome = lastValueFrom(source.pipe(receiveFile(target, { resume: true, ...options }))).then(
    () => 'received',
    kindOf,
  );
  for (const item of items.slice(0, -1)) source.next(item);
  const header = items[0] as Extract<FileItem, { kind: 'header' }>;
  for (;;) {
    const own = ownPath();
    if (own !== undefined && statSync(own, { throwIfNoEntry: false })?.size === header.size) {
      meanwhile(own);
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  source.next(items.at(-1)!);
  source.complete();
  return outcome;
}

/** The name that a process would have given, which has ended. */
function markOfDead(): string {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const parts = ownerMark().split('-');
  parts[2] = pid.toString(36);
  return parts.join('-');
}

describe('a resumable file', () => {
  it('has a temporary name while it is written, readable by its owner only', async () => {
    const outcome = await receive(itemsOf(bytes, { mode: 0o444 }), {}, (own) => {
      expect(statSync(own).mode & 0o777).toBe(0o600);
      expect(namesIn(folder)).toHaveLength(1);
    });
    expect(outcome).toBe('received');
    expect(statSync(target).mode & 0o777).toBe(0o444);
    expect(namesIn(folder)).toStrictEqual(['target']);
  });

  it('is taken over by one writer, also from a read-only part', async () => {
    writeFileSync(join(folder, '.target.rxgrid-part'), bytes.subarray(0, half), { mode: 0o444 });
    const rest = itemsOf(bytes.subarray(half), { offset: half });
    const outcome = await receive(rest, { offset: half }, () => {
      // Another process that looks now finds nothing, and begins anew.
      expect(namesIn(folder).some((name) => name.endsWith('part'))).toBe(false);
    });
    expect(outcome).toBe('received');
    expect(readFileSync(target).equals(bytes)).toBe(true);
  });

  it.each<[string, (own: string) => void]>([
    [
      'was cut off',
      (own) => {
        truncateSync(own, half);
      },
    ],
    [
      'was replaced',
      (own) => {
        renameSync(own, join(folder, 'other'));
        writeFileSync(own, bytes.subarray(0, 300_000));
      },
    ],
    [
      'was taken away',
      (own) => {
        renameSync(own, join(folder, 'other'));
      },
    ],
  ])('does not get its name where it %s', async (_, touch) => {
    expect(await receive(itemsOf(bytes), {}, touch)).toMatch(/^FileConflictError/);
    expect(namesIn(folder)).not.toContain('target');
  });

  it('is verified by its hash on disk, not only as it arrived', async () => {
    const hashed = itemsOf(bytes, { hash: 'sha256' });
    const outcome = await receive(hashed, { verify: true }, (own) => {
      // As a second writer does: what was there is a hole, and the length is right again.
      truncateSync(own, half);
      truncateSync(own, bytes.length);
    });
    expect(outcome).toBe('FileCorruptError file-corrupt');
    expect(namesIn(folder)).not.toContain('target');
    await rmLeft();
    expect(await receive(hashed, { verify: true })).toBe('received');
  });

  it('is found where its process was killed, but not where it runs', async () => {
    const some = bytes.subarray(0, half);
    const living = `.target.${ownerMark()}.rxgrid-own`;
    writeFileSync(join(folder, living), some);
    expect(isOwned(living)).toBe(true);
    expect(await partialFile(target)).toBeUndefined();
    const dead = `.target.${markOfDead()}.rxgrid-own`;
    expect(isOwned(dead)).toBe(false);
    writeFileSync(join(folder, dead), some);
    expect(await partialFile(target)).toMatchObject({ length: half });
    expect(namesIn(folder)).toStrictEqual([living, '.target.rxgrid-part'].sort());
  });
});

async function rmLeft(): Promise<void> {
  for (const name of namesIn(folder)) rmSync(join(folder, name));
  await Promise.resolve();
}

describe('the sweep', () => {
  it('removes files of dead processes and old ones, and nothing else', async () => {
    mkdirSync(join(folder, 'sub'));
    const [dead, foreign] = [markOfDead(), '00000000-00000000-1-1-1'];
    const old = (name: string): void => {
      utimesSync(join(folder, name), 1_600_000_000, 1_600_000_000);
    };
    const names = [
      'file',
      'sub/.a.rxgrid-part',
      `sub/.b.${dead}.rxgrid-tmp`,
      `sub/.c.${dead}.rxgrid-own`,
      `sub/.d.${ownerMark()}.rxgrid-own`,
      `sub/.e.${foreign}.rxgrid-tmp`,
      `sub/.f.${foreign}.rxgrid-own`,
      'sub/.g.rxgrid-part',
    ];
    for (const name of names) writeFileSync(join(folder, name), 'x');
    for (const name of ['file', names[4]!, names[6]!, names[7]!]) old(name);
    expect(await sweepTemporaries(new RootFolder(folder))).toBe(3);
    expect(namesIn(folder)).toStrictEqual(['file', 'sub']);
    expect(namesIn(join(folder, 'sub'))).toStrictEqual(
      ['.a.rxgrid-part', '.c.rxgrid-part', names[4]!.slice(4), names[5]!.slice(4)].sort(),
    );
  });

  it('keeps no file of a killed process that is empty, or was completed later', async () => {
    const dead = markOfDead();
    const left = (name: string): string => join(folder, `.${name}.${dead}.rxgrid-own`);
    writeFileSync(left('empty'), '');
    for (const name of ['missing', 'completed']) writeFileSync(left(name), 'x');
    writeFileSync(join(folder, 'older'), 'x');
    // The times of an inode have the resolution of the system's clock.
    const later = (name: string, than: string): void => {
      do writeFileSync(name, 'y');
      while (statSync(name).ctimeMs <= statSync(than).ctimeMs);
    };
    later(join(folder, 'completed'), left('completed'));
    // As a file that is received has the time of its original.
    utimesSync(join(folder, 'completed'), 1, 1);
    later(left('older'), join(folder, 'older'));
    expect(await sweepTemporaries(new RootFolder(folder))).toBe(2);
    expect(namesIn(folder)).toStrictEqual(['.missing.rxgrid-part', '.older.rxgrid-part', 'completed', 'older']);
  });
});
