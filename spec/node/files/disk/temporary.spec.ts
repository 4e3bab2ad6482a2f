import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOwnName } from '../../../../lib/files/peer-path.js';
import { HeldFolder, NamedFolder, type FolderHandle } from '../../../../lib/node/files/disk/held-folder.js';
import {
  noteWritten,
  ownName,
  partIn,
  partialFile,
  partialName,
  temporaryName,
} from '../../../../lib/node/files/disk/temporary.js';
import { descriptorsIn } from '../../../support/files/descriptors.js';
import { hashOf } from '../../../support/files/file-grid.js';
import { namesIn } from '../../../support/files/file-stream.js';
import { ownNameOfKilled } from '../../../support/files/killed-owner.js';

let folder: string;
let handle: FolderHandle;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-temporary-')));
  handle = new NamedFolder(folder);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const write = (name: string, content: string | Uint8Array): void => {
  writeFileSync(join(folder, name), content);
};

const bytes = Buffer.from('the bytes that came');
const part = { length: bytes.length, sha256: hashOf(bytes) };
const found = async (name = 'a', ...more: [AbortSignal?]): Promise<unknown> => {
  const it = await partIn(handle, name, ...more);
  return it && { length: it.length, sha256: Buffer.from(it.sha256).toString('hex') };
};

describe('names of temporary files', () => {
  const long = ['a'.repeat(255), 'ä'.repeat(127), '\u{1f40c}'.repeat(63), `${'b'.repeat(250)}.iso`];
  const names = ['a', '.hidden', 'two words', 'ä', 'a'.repeat(180), ...long];

  it.each(names)('for %j are names of rxgrid that a file system accepts', (name) => {
    for (const own of [temporaryName(name), ownName(name), partialName(name)]) {
      expect([isOwnName(own), own.startsWith('.'), own.includes('/')]).toStrictEqual([true, true, false]);
      expect(Buffer.byteLength(own)).toBeLessThanOrEqual(255);
      write(own, '');
    }
  });

  it('contain the name of the file, as far as there is room for it', () => {
    expect(partialName('a.iso')).toBe('.a.iso.rxgrid-part');
    expect(partialName('a'.repeat(180))).toBe(`.${'a'.repeat(180)}.rxgrid-part`);
    expect(partialName('a'.repeat(181))).not.toContain('aaa');
    expect(partialName('ä'.repeat(91))).not.toContain('ä');
  });

  it('differ between files and times; the name of a part is the same at any time', () => {
    const all = names.flatMap((name) => [temporaryName(name), ownName(name), temporaryName(name), ownName(name)]);
    const parts = [...names, ...names].map(partialName);
    expect([new Set(all).size, new Set(parts).size]).toStrictEqual([all.length, names.length]);
  });
});

describe('a part', () => {
  it('is found with its length and its hash, also by its path', async () => {
    write(partialName('a'), bytes);
    expect(await found()).toStrictEqual(part);
    expect((await partialFile(join(folder, 'a')))?.length).toBe(bytes.length);
    expect(await found('b')).toBeUndefined();
  });

  it('is ignored where it is empty', async () => {
    write(partialName('a'), '');
    expect(await found()).toBeUndefined();
  });

  it('is a regular file: links, folders and FIFOs are ignored, and nothing is read through them', async () => {
    write('secret', bytes);
    symlinkSync('secret', join(folder, partialName('a')));
    mkdirSync(join(folder, partialName('b')));
    execFileSync('mkfifo', [join(folder, partialName('c'))]);
    for (const name of ['a', 'b', 'c']) expect(await found(name)).toBeUndefined();
  });

  it('is absent in a missing folder', async () => {
    expect(await partialFile(join(folder, 'none/a'))).toBeUndefined();
  });

  it('is closed on success and on failure', async () => {
    const abort = new AbortController();
    write(partialName('a'), bytes);
    write(partialName('empty'), '');
    await found();
    await found('empty');
    await found('none');
    abort.abort();
    await expect(found('a', abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
    expect(descriptorsIn(folder)).toStrictEqual([]);
  });
});

describe('a file that this process is writing', () => {
  it('is the part until it is unregistered, whatever path its folder has', async () => {
    symlinkSync(folder, join(folder, 'other-path'));
    const own = ownName('a');
    write(own, bytes);
    const end = noteWritten(handle, 'a', own);
    handle = new NamedFolder(join(folder, 'other-path/.'));
    expect(await found()).toStrictEqual(part);
    expect(await found('b')).toBeUndefined();
    const held = new HeldFolder(folder);
    expect((await partIn(held, 'a'))?.length).toBe(bytes.length);
    held.close();
    end();
    expect(await found()).toBeUndefined();
    expect(namesIn(folder)).toContain(own);
  });

  it('that was registered later is not unregistered with the earlier one', async () => {
    const [first, second] = [ownName('a'), ownName('a')];
    write(second, bytes);
    const endFirst = noteWritten(handle, 'a', first);
    const endSecond = noteWritten(handle, 'a', second);
    endFirst();
    expect(await found()).toStrictEqual(part);
    endSecond();
    expect(await found()).toBeUndefined();
  });
});

describe('a file left by a killed process', () => {
  it('becomes the part', async () => {
    write(ownNameOfKilled('a'), bytes);
    expect(await found()).toStrictEqual(part);
    expect(namesIn(folder)).toStrictEqual([partialName('a')]);
  });

  it('is unchanged where it belongs to another file with the same name prefix', async () => {
    const others = ['a.txt', 'a.b.c', 'ab'].map(ownNameOfKilled);
    for (const name of others) write(name, bytes);
    expect(await found()).toBeUndefined();
    expect(namesIn(folder)).toStrictEqual(others.sort());
    expect(await found('a.b.c')).toStrictEqual(part);
  });

  it('is left to its process while that runs, and to another system', async () => {
    const elsewhere = ownNameOfKilled('a').replace(/^\.a\.[0-9a-f]{8}-/, '.a.00000000-');
    const kept = [ownName('a'), elsewhere, ownNameOfKilled('a').replace('rxgrid-own', 'rxgrid-tmp')];
    for (const name of kept) write(name, bytes);
    expect(await found()).toBeUndefined();
    expect(namesIn(folder)).toStrictEqual(kept.sort());
  });

  it('is not searched for where the caller has cancelled', async () => {
    const name = ownNameOfKilled('a');
    write(name, bytes);
    expect(await found('a', AbortSignal.abort())).toBeUndefined();
    expect(namesIn(folder)).toStrictEqual([name]);
  });
});
