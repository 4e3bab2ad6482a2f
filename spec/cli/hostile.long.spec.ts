import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileItem } from '../../lib/files/file-item.js';
import { fileRoutes, type FileInfo } from '../../lib/files/file-routes.js';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, hasTerminal, onTerminal, startCli, type Run } from '../support/programs/cli.js';
import { freePort, RealGrid } from '../support/real-grid.js';

/*
 * The command as a process of its own, against a host that wants to harm it.
 */

const escapes = '\u001b]0;title\u0007\u001b[2J\u009b31m\u202e\r\nrxgrid: all is well';
const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
const folderInfo: FileInfo = { path: '', type: 'folder', size: 0, mtime: 0, mode: 0o755 };
let built: string;
let grid: RealGrid;
let folder: string;
let base: string;
/** What the host was asked for. */
let asked: unknown[];
let evil: {
  info: FileInfo;
  list: readonly FileInfo[];
  items: readonly FileItem[];
  failure: string | undefined;
  /** Called for each batch of a listing without end. Undefined: the listing ends. */
  batch: (() => void) | undefined;
};

beforeAll(() => {
  built = buildLib();
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
});

beforeEach(async () => {
  grid = new RealGrid();
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-hostile-'));
  mkdirSync(join(folder, 'deep/target'), { recursive: true });
  asked = [];
  evil = { info: folderInfo, list: [], items: [], failure: undefined, batch: undefined };
  const name = `http://127.0.0.1:${String(await freePort())}`;
  base = name.replace('http:', 'ws:');
  const manager = grid.manager(name, [], {
    leaves: {
      authenticate: (token) => {
        if (token !== 'good') throw new Error(escapes);
        return 'tool';
      },
    },
  });
  manager.handle(fileRoutes.stat, (request) => {
    asked.push(request);
    return evil.failure === undefined
      ? { value: { info: evil.info } }
      : { failure: { code: 'file-io', message: evil.failure } };
  });
  manager.handle(fileRoutes.list, async function* () {
    for (const value of evil.list) yield { value };
    for (let number = 0; evil.batch !== undefined;) {
      evil.batch();
      yield { values: Array.from({ length: 64 }, () => file(`f${String(number++)}`, 1)) };
    }
  });
  manager.handle(fileRoutes.read, async function* (_, call) {
    for await (const wanted of call.input) {
      asked.push(wanted);
      yield* evil.items;
    }
  });
  await manager.listen({ address: '127.0.0.1' });
});

afterEach(async () => {
  await grid.close();
  rmSync(folder, { recursive: true, force: true });
});

const target = (): string => join(folder, 'deep/target');
const copy = (...options: string[]): Promise<Run> =>
  endOf(startCli(built, ['cp', '-r', ...options, `${base}:x`, `${target()}/`]));
const file = (path: string, size: number): FileInfo => ({ path, type: 'file', size, mtime: 1_000, mode: 0o644 });

describe('names that lead out of the target', () => {
  const outside = ['../../../out', '/tmp/rxgrid-out', 'a/../../../out', '..', '.', 'a\0b', `${'a/'.repeat(200)}b`];

  it.each(['--resume', '--links=follow', '--no-progress'])(
    'create nothing, with %s',
    async (option) => {
      const before = readdirSync(folder, { recursive: true }).sort();
      // So that each entry is looked at here.
      mkdirSync(join(target(), 'x'));
      writeFileSync(join(target(), 'x/mine'), '');
      for (const name of outside) {
        evil.list = [{ ...folderInfo, path: name }, file(name, 3 << 20), { ...file('mine', 0), type: 'file' }];
        evil.items = [
          { kind: 'header', path: name.replace('\0', ''), size: 0, offset: 0, length: 0 },
          { kind: 'end', length: 0 },
        ];
        await copy(option);
        const now = readdirSync(folder, { recursive: true }).filter((one) => !String(one).startsWith('deep/target/x'));
        expect(now.sort()).toStrictEqual(before);
      }
    },
    60_000,
  );

  it('reveal nothing to the host about existing files', async () => {
    writeFileSync(join(folder, '.secret.rxgrid-part'), 'secret');
    writeFileSync(join(folder, 'known'), '12345');
    utimesSync(join(folder, 'known'), 1, 1);
    mkdirSync(join(target(), 'x'));
    writeFileSync(join(target(), 'x/mine'), '');
    evil.list = [file('mine', 0), file('../../../secret', 3 << 20), file('../../../known', 5)];
    const { code, stderr } = await copy('--resume');
    expect(code).toBe(5);
    expect(stderr).toMatch(/leads out/);
    expect(JSON.stringify(asked)).not.toMatch(/have|secret|known/);
  });

  it('are bounded in endlessly nested folders', async () => {
    mkdirSync(join(target(), 'x'));
    writeFileSync(join(target(), 'x/a'), '');
    evil.list = [{ ...folderInfo, path: 'a' }];
    const { code } = await copy('--resume');
    expect(code).toBe(5);
  }, 30_000);
});

describe('an endless listing', () => {
  /** Interrupts a command when the host has sent some of the listing. */
  async function interrupt(command: readonly string[]): Promise<Run> {
    const child = startCli(built, command);
    let batches = 0;
    evil.batch = () => {
      if (++batches === 200) child.kill('SIGINT');
    };
    return endOf(child);
  }

  it.each([
    ['cp -r', () => ['cp', '-r', `${base}:x`, `${target()}/`]],
    ['cp -r --resume', () => ['cp', '-r', '--resume', `${base}:x`, target()]],
    ['cp -r --exclude', () => ['cp', '-r', '--exclude', 'y', `${base}:x`, `${target()}/`]],
    [
      'cp of a glob',
      () => {
        // Nothing has the pattern as its name.
        evil.failure = 'it does not exist';
        return ['cp', `${base}:x/*`, `${target()}/`];
      },
    ],
    ['ls -R', () => ['ls', '-R', `${base}:x`]],
  ])(
    'ends with Ctrl-C: %s',
    async (_, command) => {
      const { code, stderr } = await interrupt(command());
      expect({ code, stderr }).toMatchObject({ code: 130 });
      expect(stderr).not.toMatch(/listing|entries|    at /);
      expect(
        readdirSync(target(), { recursive: true }).filter((name) => String(name).includes('rxgrid')),
      ).toStrictEqual([]);
    },
    30_000,
  );

  it('ends by itself with --max-entries', async () => {
    evil.batch = () => undefined;
    const { code, stderr } = await copy('--exclude', 'y', '--max-entries', '1000');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/more than 1000 entries/);
  }, 30_000);
});

describe('texts of the host', () => {
  it.each<[string, () => void, string[]]>([
    ['a failure', () => (evil.failure = escapes), []],
    ['a name', () => (evil.list = [{ ...file(`a${escapes}`, 0), type: 'other' }]), []],
    ['an item', () => (evil.items = [{ kind: 'error', code: 'file-io', message: escapes }]), []],
    [
      'a path',
      () =>
        (evil.items = [
          { kind: 'header', path: `../${escapes}`, size: 0, offset: 0, length: 0 },
          { kind: 'end', length: 0 },
        ]),
      [],
    ],
    ['a failure in JSON', () => (evil.items = [{ kind: 'error', code: 'file-io', message: escapes }]), ['--json']],
    ['a token refused', () => undefined, ['--token-command', 'echo bad']],
  ])('%s are printed escaped only', async (_, prepare, options) => {
    prepare();
    const { stdout, stderr } = await copy(...options);
    expect(stdout + stderr).not.toMatch(raw);
    expect(stdout + stderr).not.toMatch(/^rxgrid: all is well/m);
    for (const line of stdout.split('\n').filter((one) => one !== '')) expect(JSON.parse(line)).toHaveProperty('type');
  });
});

describe('on a terminal', () => {
  const onOne = hasTerminal() ? it : it.skip;

  onOne.each([80, 40, 20])(
    'of %d columns the bar keeps to its line',
    async (columns) => {
      const size = 400_000;
      const name = '漢字-a-very-long-name-of-a-file-with-a-part-17.bin';
      evil.info = file('', size);
      evil.items = [
        { kind: 'header', path: 'x', size, offset: 0, length: size, via: '\u001b[2Jvia' },
        ...Array.from({ length: 40 }, (): FileItem => ({ kind: 'data', bytes: new Uint8Array(10_000) })),
        { kind: 'end', length: size },
      ];
      const written = await onTerminal(built, columns, ['cp', `${base}:${name}`, `${target()}/`]);
      expect(written).toMatch(/%/);
      expect(written).not.toMatch(/\u001b\[2J/);
      expect(written).toMatch(/1 file, 390\.6 KiB, [\d.]+ s, \\u001b\[2Jvia\r\n$/);
      // Between the moves of the cursor: no line is as long as the terminal is wide.
      const drawn = written.split(/\u001b\[[\d;?]*[A-Za-z]|\u001b[78]|[\r\n]/).filter((text) => text.includes('%'));
      expect(drawn.length).toBeGreaterThan(0);
      for (const text of drawn) expect(text.length).toBeLessThan(columns);
    },
    30_000,
  );
});
