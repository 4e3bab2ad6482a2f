import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { from, lastValueFrom, tap, toArray } from 'rxjs';
import type { FileItem } from '../../../../lib/files/file-item.js';
import { HeldFolder } from '../../../../lib/node/files/disk/held-folder.js';
import { receiveFiles } from '../../../../lib/node/files/receive/receive-files.js';
import { createFlags, writeWhole } from '../../../../lib/node/files/disk/write-file.js';
import { folderCallsOf, type FolderCalls } from '../../../../lib/node/kernel/folder-calls.js';

const onLinux = process.platform === 'linux' ? describe : describe.skip;
const attributes = { mode: undefined, defaultMode: 0o640, mtime: 1_600_000_000_123 };
const content = Uint8Array.of(1, 2, 3);
let base: string;
let folder: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-held-')));
  folder = join(base, 'folder');
  mkdirSync(folder);
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

onLinux('A held folder', () => {
  describe.each<[string, FolderCalls | 'none']>([
    ['through its descriptor', folderCallsOf(koffi)],
    ['by way of /proc', 'none'],
  ])('%s', (_, calls) => {
    let held: HeldFolder;

    beforeEach(() => {
      held = new HeldFolder(folder, calls);
    });

    afterEach(() => {
      held.close();
    });

    const write = (name: string): void => {
      writeWhole(content, { path: join(folder, name), hold: () => held, open: () => held }, name, attributes);
    };

    it('receives whole files, with their attributes and nothing else', () => {
      write('Grüße\n1');
      expect(readdirSync(folder)).toStrictEqual(['Grüße\n1']);
      const path = join(folder, 'Grüße\n1');
      expect(new Uint8Array(readFileSync(path))).toStrictEqual(content);
      const { mode, mtimeMs } = statSync(path);
      expect([mode & 0o700, Math.floor(mtimeMs)]).toStrictEqual([0o600, attributes.mtime]);
    });

    it('opens and renames nothing outside, whatever the name is', () => {
      const secret = join(base, 'secret');
      writeFileSync(secret, 'secret');
      write('file');
      for (const name of [secret, 'file\0.txt']) {
        expect(() => held.open(name, 0)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^E/) }));
        expect(() => {
          held.rename('file', name);
        }).toThrow(expect.objectContaining({ code: expect.stringMatching(/^E/) }));
      }
      expect([readdirSync(folder), readFileSync(secret, 'utf8')]).toStrictEqual([['file'], 'secret']);
    });

    it('names the call that failed, by which an error of the folder is known', () => {
      expect(() => held.rename('missing', 'other')).toThrow(
        expect.objectContaining({ code: 'ENOENT', syscall: calls === 'none' ? 'rename' : 'renameat' }),
      );
      expect(() => held.open('missing', 0)).toThrow(
        expect.objectContaining({ code: 'ENOENT', syscall: calls === 'none' ? 'open' : 'openat' }),
      );
    });

    it('is written at its original location, also when a link replaces it', () => {
      renameSync(folder, join(base, 'moved'));
      mkdirSync(join(base, 'outside'));
      symlinkSync(join(base, 'outside'), folder);
      write('file');
      expect(readdirSync(join(base, 'outside'))).toStrictEqual([]);
      expect(readdirSync(join(base, 'moved'))).toStrictEqual(['file']);
    });

    it('keeps an entry that is not a file, and says so; a link is replaced', () => {
      mkdirSync(join(folder, 'sub'));
      writeFileSync(join(base, 'secret'), 'secret');
      symlinkSync(join(base, 'secret'), join(folder, 'link'));
      expect(() => {
        write('sub');
      }).toThrow(expect.objectContaining({ code: 'file-not-regular' }));
      write('link');
      expect(readdirSync(folder).sort()).toStrictEqual(['link', 'sub']);
      expect(readFileSync(join(base, 'secret'), 'utf8')).toBe('secret');
    });

    it('reports the code of the system', () => {
      const fd = held.open('there', createFlags, 0o600);
      writeSync(fd, content);
      closeSync(fd);
      expect(() => held.open('there', createFlags, 0o600)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
      expect(() => {
        held.rename('gone', 'there');
      }).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    });
  });

  it('is closed when its files are written, and checked again when more arrive', async () => {
    const outside = join(base, 'outside');
    mkdirSync(outside);
    const root = join(base, 'root');
    mkdirSync(root);
    const pack = (...names: string[]): FileItem => ({
      kind: 'pack',
      files: names.map((path) => ({ path, mode: 0o600, bytes: content })),
    });
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    await lastValueFrom(from([pack('sub/one', 'sub/two')]).pipe(receiveFiles(root, { fsync: false }), toArray()));
    expect(descriptors()).toBe(before);
    let finished: () => void;
    const written = new Promise<void>((resolve) => (finished = resolve));
    const swapped = async function* (): AsyncGenerator<FileItem> {
      yield pack('sub/three');
      await written;
      renameSync(join(root, 'sub'), join(root, 'moved'));
      symlinkSync(outside, join(root, 'sub'));
      yield pack('sub/four', 'sub/five');
    };
    const codes: string[] = [];
    await lastValueFrom(
      from(swapped()).pipe(
        receiveFiles(root, { fsync: false }),
        tap(({ failure }) => {
          if (failure === undefined) finished();
          else codes.push(failure.code);
        }),
      ),
    );
    expect(codes).toStrictEqual(['file-outside-root', 'file-outside-root']);
    expect(readdirSync(outside)).toStrictEqual([]);
    expect(readdirSync(join(root, 'moved')).sort()).toStrictEqual(['one', 'three', 'two']);
    expect(existsSync(join(root, 'sub', 'four'))).toBe(false);
  });
});
