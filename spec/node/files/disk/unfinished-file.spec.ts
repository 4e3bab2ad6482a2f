import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FileOutsideRootError } from '../../../../lib/files/file-error.js';
import { NamedFolder } from '../../../../lib/node/files/disk/held-folder.js';
import type { Destination } from '../../../../lib/node/files/disk/destination.js';
import type { Attributes } from '../../../../lib/node/files/disk/attributes.js';
import { toFileError } from '../../../../lib/node/files/disk/system-error.js';
import { partialFile, partialName } from '../../../../lib/node/files/disk/temporary.js';
import { UnfinishedFile, type StepDone } from '../../../../lib/node/files/disk/unfinished-file.js';
import { descriptorsIn } from '../../../support/files/descriptors.js';
import { namesIn } from '../../../support/files/file-stream.js';
import { ownNameOfKilled } from '../../../support/files/killed-owner.js';

let folder: string;
let target: string;
/** Folders that are open at the moment. */
let openFolders: number;
/** Called with the name of a file that was opened. */
let confirm: (name: string) => void;
/** Why no folder can be opened. */
let failing: Error | undefined;

class CountedFolder extends NamedFolder {
  constructor() {
    super(dirname(target));
    if (failing !== undefined) throw failing;
    openFolders++;
  }

  override confirm(_: number, name: string): void {
    confirm(name);
  }

  override close(): void {
    openFolders--;
  }
}

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-unfinished-')));
  target = join(folder, 'a');
  openFolders = 0;
  confirm = () => undefined;
  failing = undefined;
});

afterEach(() => {
  // Whatever happens to a file, it is closed, and so is its folder.
  expect([descriptorsIn(folder), openFolders]).toStrictEqual([[], 0]);
  rmSync(folder, { recursive: true });
});

const plain: Attributes = { mode: undefined, defaultMode: undefined, mtime: undefined };
/** Permission bits of a file that was created with these, which the umask takes its share of. */
function created(mode: number): number {
  const path = join(folder, 'created');
  closeSync(openSync(path, 'w', mode));
  const bits = modeOf(path);
  rmSync(path);
  return bits;
}

const part = (): string => join(folder, partialName('a'));
const fileOf = (resumable: boolean): UnfinishedFile => {
  const open = (): NamedFolder => new CountedFolder();
  const destination: Destination = { path: target, open, hold: open };
  return new UnfinishedFile(destination, 'the/a', resumable);
};
const modeOf = (path: string): number => statSync(path).mode & 0o7777;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One step, as a Promise of its error's code. */
async function step(run: (done: StepDone) => void): Promise<string | undefined> {
  const error = await new Promise<unknown>((resolve) => {
    run(resolve);
  });
  return error === null || error === undefined ? undefined : (error as { code: string }).code;
}

const giveUp = async (file: UnfinishedFile, corrupt = false): Promise<void> =>
  new Promise((resolve) => {
    file.giveUp(corrupt, resolve);
  });

/** The steps up to the writing of a text. The result is the file, and the name that it has. */
async function begun(
  resumable: boolean,
  text: string,
  attributes = plain,
): Promise<{ file: UnfinishedFile; own: string }> {
  const before = new Set(namesIn(folder));
  const file = fileOf(resumable);
  expect(await step((done) => file.claim(() => undefined, done))).toBeUndefined();
  expect(await step((done) => file.open(attributes, done))).toBeUndefined();
  const own = namesIn(folder).find((name) => !before.has(name))!;
  expect(await step((done) => file.write([bytesOf(text)], 0, done))).toBeUndefined();
  return { file, own: join(folder, own) };
}

describe.each([false, true])('a file; resumable: %s', (resumable) => {
  it('has a temporary name until it is complete, and then replaces the file of its name', async () => {
    writeFileSync(target, 'before');
    const { file, own } = await begun(resumable, 'after');
    expect(own).toMatch(resumable ? /\/\.a\.\S+\.rxgrid-own$/ : /\/\.a\.\S+\.rxgrid-tmp$/);
    expect([readFileSync(target, 'utf8'), readFileSync(own, 'utf8')]).toStrictEqual(['before', 'after']);
    expect(await step((done) => file.finish(plain, true, done))).toBeUndefined();
    expect(await step((done) => file.rename(5, done))).toBeUndefined();
    expect([namesIn(folder), readFileSync(target, 'utf8')]).toStrictEqual([['a'], 'after']);
  });

  it('writes all its buffers at their positions', async () => {
    const { file } = await begun(resumable, 'ab');
    const letters = ['c', 'de', 'f', 'g'].map(bytesOf);
    expect(await step((done) => file.write(letters, 2, done))).toBeUndefined();
    await step((done) => file.rename(7, done));
    expect(readFileSync(target, 'utf8')).toBe('abcdefg');
  });

  it.each([
    ['the mode of the stream, less the umask', { defaultMode: 0o4777 }, () => created(0o777)],
    ['that of a new file, less the umask', {}, () => created(0o666)],
    ['exactly the mode that was asked for', { mode: 0o6757, defaultMode: 0o600 }, () => 0o757],
    ['a mode without the right to write', { mode: 0o444 }, () => 0o444],
  ])('gets %s', async (_, attributes, mode) => {
    const { file, own } = await begun(resumable, 'x', { ...plain, ...attributes });
    // A part must be readable and writable by the next process, whatever the original is.
    if (resumable) expect(modeOf(own)).toBe(0o600);
    expect(await step((done) => file.finish({ ...plain, ...attributes }, false, done))).toBeUndefined();
    await step((done) => file.rename(1, done));
    expect(modeOf(target)).toBe(mode());
  });

  it.each([0, 1_234_567_890_123, 951_782_400_999])('gets the time %d to the ms', async (mtime) => {
    const { file } = await begun(resumable, 'x');
    await step((done) => file.finish({ ...plain, mtime }, false, done));
    await step((done) => file.rename(1, done));
    expect(Math.floor(statSync(target).mtimeMs)).toBe(mtime);
  });

  it('follows no link with its name, and replaces no folder', async () => {
    writeFileSync(join(folder, 'b'), 'kept');
    symlinkSync('b', target);
    const { file } = await begun(resumable, 'new');
    await step((done) => file.rename(3, done));
    expect([readFileSync(join(folder, 'b'), 'utf8'), readFileSync(target, 'utf8')]).toStrictEqual(['kept', 'new']);
    rmSync(target);
    mkdirSync(target);
    const other = fileOf(resumable);
    await step((done) => other.claim(() => undefined, done));
    expect(await step((done) => other.open(plain, done))).toBe('file-not-regular');
    await giveUp(other);
    expect(namesIn(folder)).toStrictEqual(['a', 'b']);
  });

  it('cannot be opened in a missing folder, and leaves nothing to close', async () => {
    target = join(folder, 'none/a');
    const file = fileOf(resumable);
    await step((done) => file.claim(() => undefined, done));
    expect(await step((done) => file.open(plain, done))).toBe('ENOENT');
    await giveUp(file);
  });

  it('is refused where it was not opened in its folder', async () => {
    const confirmed: string[] = [];
    confirm = (name) => {
      confirmed.push(name);
      throw new FileOutsideRootError('A link was put in its place.', 'a');
    };
    const file = fileOf(resumable);
    await step((done) => file.claim(() => undefined, done));
    expect(await step((done) => file.open(plain, done))).toBe('file-outside-root');
    expect(confirmed).toStrictEqual(namesIn(folder));
    await giveUp(file);
    expect(namesIn(folder)).toStrictEqual([]);
  });

  it.each([
    ['has grown', (own: string) => writeFileSync(own, '12345678')],
    ['has shrunk', (own: string) => truncateSync(own, 2)],
    ['is gone', (own: string) => rmSync(own)],
    [
      'is another file of the same size',
      (own: string) => {
        writeFileSync(`${own}.new`, '12345');
        renameSync(`${own}.new`, own);
      },
    ],
  ])('does not get its name where another process %s', async (_, change) => {
    const { file, own } = await begun(resumable, 'after');
    change(own);
    expect(await step((done) => file.rename(5, done))).toBe('file-conflict');
    await giveUp(file, true);
    expect(namesIn(folder)).toStrictEqual([]);
  });

  it('can be abandoned at each step', async () => {
    const unopened = fileOf(resumable);
    await step((done) => unopened.claim(() => undefined, done));
    await giveUp(unopened);
    const { file: empty } = await begun(resumable, '');
    await giveUp(empty);
    expect(namesIn(folder)).toStrictEqual([]);
    const { file: corrupt } = await begun(resumable, 'wrong');
    await giveUp(corrupt, true);
    expect(namesIn(folder)).toStrictEqual([]);
    const { file: broken } = await begun(resumable, 'half');
    await giveUp(broken);
    expect(namesIn(folder)).toStrictEqual(resumable ? [partialName('a')] : []);
  });

  it('is abandoned where its folder has been removed, too', async () => {
    mkdirSync(join(folder, 'sub'));
    target = join(folder, 'sub/a');
    const file = fileOf(resumable);
    await step((done) => file.claim(() => undefined, done));
    await step((done) => file.open(plain, done));
    rmSync(join(folder, 'sub'), { recursive: true });
    expect(await step((done) => file.rename(0, done))).toMatch(/ENOENT|file-conflict/);
    await giveUp(file);
  });

  it.each(['EMFILE', 'ENFILE'])('is removed, or becomes a part, where no descriptor is left (%s)', async (code) => {
    const { file } = await begun(resumable, 'abc');
    failing = toFileError(Object.assign(new Error(code), { code }), 'a');
    expect(await step((done) => file.rename(3, done))).toBe('file-io');
    await giveUp(file);
    expect(namesIn(folder)).toStrictEqual(resumable ? [partialName('a')] : []);
  });
});

describe('a file that is resumed', () => {
  it('takes over the part, and truncates it at the offset', async () => {
    writeFileSync(part(), '0123456789');
    const { file, own } = await begun(true, '');
    expect(namesIn(folder)).toHaveLength(1);
    expect(await step((done) => file.prepare(4, done))).toBeUndefined();
    expect(readFileSync(own, 'utf8')).toBe('0123');
    await step((done) => file.write([bytesOf('45')], 4, done));
    await step((done) => file.finish(plain, false, done));
    await step((done) => file.rename(6, done));
    expect([namesIn(folder), readFileSync(target, 'utf8')]).toStrictEqual([['a'], '012345']);
    expect(modeOf(target)).toBe(created(0o666));
  });

  it('requires all bytes before the offset', async () => {
    writeFileSync(part(), '0123');
    const { file } = await begun(true, '');
    expect(await step((done) => file.prepare(4, done))).toBeUndefined();
    expect(await step((done) => file.prepare(5, done))).toBe('file-conflict');
    await giveUp(file);
    expect(readFileSync(part(), 'utf8')).toBe('0123');
  });

  it('is not affected by the offset where it is not resumable', async () => {
    const { file, own } = await begun(false, 'abc');
    expect(await step((done) => file.prepare(0, done))).toBeUndefined();
    expect(readFileSync(own, 'utf8')).toBe('abc');
    await giveUp(file);
  });

  it('makes a part of an earlier version writable', async () => {
    writeFileSync(part(), '01');
    chmodSync(part(), 0o444);
    const { file, own } = await begun(true, '');
    expect(modeOf(own)).toBe(0o600);
    await giveUp(file);
  });

  it.each([
    ['a link', (path: string) => symlinkSync('b', path)],
    ['a link to nothing', (path: string) => symlinkSync('none', path)],
    ['a folder', (path: string) => mkdirSync(path)],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
  ])('is refused where its part is %s, and the part is kept', async (_, make) => {
    writeFileSync(join(folder, 'b'), 'of another');
    make(part());
    const names = namesIn(folder);
    const file = fileOf(true);
    await step((done) => file.claim(() => undefined, done));
    expect(await step((done) => file.open(plain, done))).toBe('file-not-regular');
    await giveUp(file);
    expect([namesIn(folder), readFileSync(join(folder, 'b'), 'utf8')]).toStrictEqual([names, 'of another']);
  });

  it('is verified on the disk', async () => {
    const { file, own } = await begun(true, 'the bytes');
    const expected = createHash('sha256').update('bytes').digest();
    const range = { offset: 4, length: 5, algorithm: 'sha256' };
    expect(await step((done) => file.verify(range, expected, done))).toBeUndefined();
    writeFileSync(own, 'the bites');
    expect(await step((done) => file.verify(range, expected, done))).toBe('file-corrupt');
    writeFileSync(own, 'the');
    expect(await step((done) => file.verify(range, expected, done))).toBe('file-corrupt');
    await giveUp(file, true);
  });

  it('is found by its path while it is written, but not once it has its name', async () => {
    const { file } = await begun(true, 'abc');
    expect((await partialFile(target))?.length).toBe(3);
    await step((done) => file.rename(3, done));
    expect(await partialFile(target)).toBeUndefined();
    // Nor does it stand in the way of what an earlier process has left.
    writeFileSync(join(folder, ownNameOfKilled('a')), 'left');
    expect((await partialFile(target))?.length).toBe(4);
  });
});

describe('two transfers of one file', () => {
  it('take turns: the later one waits, and the earlier one is asked to stop', async () => {
    const log: string[] = [];
    const [first, second] = [fileOf(true), fileOf(true)];
    await step((done) => first.claim(() => log.push('first is replaced'), done));
    await step((done) => first.open(plain, done));
    await step((done) => first.write([bytesOf('abc')], 0, done));
    second.claim(
      () => log.push('second is replaced'),
      () => log.push('second has its turn'),
    );
    expect(log).toStrictEqual(['first is replaced']);
    await giveUp(first);
    expect(log).toStrictEqual(['first is replaced', 'second has its turn']);
    // What the first one has left is a part by then.
    await step((done) => second.open(plain, done));
    expect(await step((done) => second.prepare(3, done))).toBeUndefined();
    await step((done) => second.rename(3, done));
    expect(readFileSync(target, 'utf8')).toBe('abc');
  });

  it('take turns when the first one succeeds, and when it could not even begin', async () => {
    const [first, second, third] = [fileOf(true), fileOf(true), fileOf(true)];
    const log: string[] = [];
    const claim = (file: UnfinishedFile, name: string): void => {
      file.claim(
        () => undefined,
        () => log.push(name),
      );
    };
    claim(first, 'first');
    claim(second, 'second');
    claim(third, 'third');
    await step((done) => first.open(plain, done));
    await step((done) => first.rename(0, done));
    expect(log).toStrictEqual(['first', 'second']);
    await giveUp(second);
    expect(log).toStrictEqual(['first', 'second', 'third']);
    await giveUp(third);
  });

  it('do not wait for transfers of other files', async () => {
    const { file: first } = await begun(true, 'a');
    target = join(folder, 'b');
    const other = fileOf(true);
    expect(await step((done) => other.claim(() => undefined, done))).toBeUndefined();
    await giveUp(other);
    target = join(folder, 'a');
    await giveUp(first, true);
  });

  it('do not wait for each other where they are not resumable', async () => {
    const files = [await begun(false, 'first'), await begun(false, 'other')];
    for (const { file } of files) await step((done) => file.rename(5, done));
    expect(readFileSync(target, 'utf8')).toBe('other');
  });
});
