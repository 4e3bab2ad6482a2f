import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/*
 * The example as a person runs it: the built package, real processes, real sockets.
 */

const project = resolve(__dirname, '../..');
const fileCount = 300;
const bigFile = 5 * 2 ** 20 + 1;
let folder: string;
let source: string;
let bytes: number;
let running: ChildProcess[] = [];

interface Outcome {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly summary: Record<string, number>;
  /** What is left in the folder for temporary files. */
  readonly left: readonly string[];
}

/** `onText` hears all output so far, whenever there is more. */
async function run(
  script: string,
  args: readonly string[],
  onText: (text: string, child: ChildProcess) => void = () => undefined,
): Promise<Outcome> {
  const temporary = mkdtempSync(join(folder, 'tmp-'));
  const child = spawn(process.execPath, [script, '--dir', join(folder, 'files'), ...args], {
    cwd: source,
    env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      onText(text, child);
    });
  }
  // Not `exit`: the hosts have the same stderr, so it closes when the last of them is gone.
  const code = await new Promise<number | null>((done) => child.on('close', done));
  const lines = text.trimEnd().split('\n');
  const json = /^summary: (.*)$/.exec(lines.at(-1)!)?.[1] ?? '{}';
  return { code, lines, summary: JSON.parse(json) as Record<string, number>, left: readdirSync(temporary) };
}

const start = 'scripts/start.mjs';
const main = 'examples/storage-cluster/main.mjs';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-storage-'));
  // Built in a copy: `dist` of the project may be in use.
  source = join(folder, 'source');
  const tsconfigs = readdirSync(project).filter((name) => /^tsconfig.*\.json$/.test(name));
  for (const name of ['package.json', 'lib', 'scripts', 'examples/storage-cluster', ...tsconfigs]) {
    cpSync(join(project, name), join(source, name), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(source, 'node_modules'), 'dir');
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: source, stdio: 'pipe' });

  bytes = 0;
  const write = (path: string, content: Uint8Array): void => {
    mkdirSync(join(folder, 'files', path, '..'), { recursive: true });
    writeFileSync(join(folder, 'files', path), content);
    bytes += content.length;
  };
  write('empty', new Uint8Array(0));
  write(
    'big',
    new Uint8Array(bigFile).map((_, index) => (index * index) >> 7),
  );
  write('a name with spaces/and more .txt', Buffer.from('spaces'));
  write('ünï/cödé/文件 🗃️', Buffer.from('unicode'));
  for (let index = 4; index < fileCount; index++) {
    write(`folder-${String(index % 7)}/file-${String(index)}`, Buffer.alloc(index * 17, index));
  }
  symlinkSync('big', join(folder, 'files', 'link'));
}, 300_000);

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running = [];
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the storage cluster', () => {
  it('stores a folder, loses a host, and reads every file back', async () => {
    const { code, lines, summary, left } = await run(start, []);
    expect(lines.filter((line) => line.includes('FAILED'))).toStrictEqual([]);
    expect(code).toBe(0);
    expect(summary).toStrictEqual({
      hosts: 3,
      files: fileCount,
      bytes,
      calls: expect.any(Number),
      reconnects: expect.any(Number),
      failedAndRetried: expect.any(Number),
      lost: 0,
      corrupted: 0,
    });
    // A put, its two copies, a get and a stat for each file.
    expect(summary.calls).toBeGreaterThan(4 * fileCount);
    expect(summary.reconnects).toBe(3);
    expect(summary.failedAndRetried).toBeGreaterThan(0);
    const text = lines.join('\n');
    expect(text).toMatch(/300 files, .*; 1 symbolic links skipped/);
    expect(text).toMatch(/host 3 is killed while it serves [1-9]\d* puts/);
    expect(text).toMatch(/fetched from other hosts after an absence: .*host 3 [1-9]/);
    expect(left).toStrictEqual([]);
  }, 120_000);

  it('fails when a stored file has changed', async () => {
    const { code, lines, summary } = await run(start, ['--fault', 'corrupt']);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ hosts: 3, files: fileCount, lost: 0, corrupted: 1 });
    expect(lines.filter((line) => line.includes('FAILED'))).toHaveLength(1);
  }, 120_000);

  it('fails when a host leaves a call unanswered', async () => {
    const { code, lines, summary } = await run(start, ['--fault', 'withhold', '--timeout', '5000']);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ hosts: 3, files: fileCount, lost: 1, corrupted: 0 });
    expect(lines.filter((line) => line.includes('FAILED'))).toHaveLength(1);
  }, 120_000);

  it('leaves nothing behind when it is interrupted', async () => {
    const { code, lines, left } = await run(start, [], (text, child) => {
      if (text.includes('is killed')) child.kill('SIGINT');
    });
    expect(lines.join('\n')).toContain('FAILED: stopped by SIGINT');
    expect(code).toBe(1);
    expect(left).toStrictEqual([]);
  }, 120_000);

  it('leaves nothing behind when it is killed', async () => {
    const { code, left } = await run(main, [], (text, child) => {
      if (text.includes('are connected with each other')) child.kill('SIGKILL');
    });
    expect(code).toBeNull();
    expect(left).toStrictEqual([]);
  }, 120_000);
});
