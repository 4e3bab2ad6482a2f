import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecording } from '../../lib/testing/index.js';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, startCli, type Run } from '../support/programs/cli.js';
import { CommandHost } from '../support/programs/command-host.js';

/*
 * `rxgrid record`, `decode` and `bench`, as processes of their own.
 */

let built: string;
let folder: string;
let host: CommandHost;

beforeAll(() => {
  built = buildLib();
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-record-'));
  host = await CommandHost.start();
});

afterEach(async () => {
  await host.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (...args: string[]): ChildProcess =>
  startCli(built, args, { RXGRID_TOKEN: 'good', RXGRID_HOST: host.url, RXGRID_CONFIG: join(folder, 'none.json') });
const run = (...args: string[]): Promise<Run> => endOf(start(...args));

/** Records while `work` runs, and ends with Ctrl-C. The result is the run of the command. */
async function record(file: string, work: () => Promise<unknown>, ...options: string[]): Promise<Run> {
  const child = start('record', file, ...options);
  const end = endOf(child);
  // The first lines are written when the host records.
  if (file === '-') await once(child.stdout!, 'data');
  else await appeared(file);
  await work();
  child.kill('SIGINT');
  return end;
}

/** Resolves when there is a file. */
async function appeared(file: string): Promise<void> {
  const watcher = watch(folder);
  while (!existsSync(file)) await once(watcher, 'change');
  watcher.close();
}

describe('record', () => {
  it('writes the traffic of the connections, until it is interrupted, and decode prints it', async () => {
    const file = join(folder, 'incident.jsonl');
    const calls = async (): Promise<void> => {
      await run('call', 'diskInfo', '-d', '{"disk": 2}');
      await run('call', 'diskInfo', '-d', '{"disk": 13}');
      await run('stream', 'count', '-d', '{"to": 3}');
    };
    const { code, stdout, stderr } = await record(file, calls, '--payloads');
    expect([code, stdout]).toStrictEqual([0, '']);
    expect(stderr).toMatch(/^rxgrid: \d+ frames of 4 connections \(\d+\.\d KiB\) are in ".*"; it was interrupted\.\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readRecording(readFileSync(file)).truncated).toBe(false);

    const transcript = await run('decode', file);
    expect([transcript.code, transcript.stderr]).toStrictEqual([0, '']);
    expect(transcript.stdout).toMatch(/^recording of http:\S+ \(rxgrid \S+\) from \d{4}-\S+Z on\n/);
    expect(transcript.stdout).toMatch(/ms {2}tool → http:\S+ {2}Request \d+ diskInfo \{"disk":2\} Eof/);
    expect(transcript.stdout).toMatch(/Response \d+ diskInfo \{"free":2000\} Eof\n/);
    expect(transcript.stdout).toMatch(/Response \d+ diskInfo "there is no disk 13" Eof PayloadIsErr\n/);
    expect(transcript.stdout).toMatch(/the end: it was interrupted\n$/);
    // Neither the handshake nor the token is in it.
    expect(transcript.stdout + readFileSync(file, 'utf8')).not.toMatch(/good|Connect /);

    const marbles = (await run('decode', file, '--marbles', '--route', 'count')).stdout;
    expect(marbles).toMatch(/^one character is \S+ ms, from \S+ ms on\ncount \d+: tool +-*\^\n {2}http:\S+ +-*[a*]/);
    expect(marbles).toMatch(/\na: \{"at":0,"text":"x+…\n/);
  });

  it('omits payloads unless requested, writes to a pipe, and keeps to its bounds', async () => {
    const { code, stdout } = await record('-', () => run('call', 'diskInfo', '-d', '{"disk": 2}'), '-q');
    expect(code).toBe(0);
    const frames = readRecording(stdout).records.filter((each) => each.kind === 'frame' && each.route !== undefined);
    expect(frames).toMatchObject([{ size: 7, payload: undefined }]);
    const file = join(folder, 'short.jsonl');
    const child = start('record', file, '--max-frames', '2');
    const end = endOf(child);
    await appeared(file);
    await run('call', 'diskInfo', '-d', '{"disk": 2}');
    expect((await end).stderr).toMatch(/^rxgrid: 2 frames .*; it has 2 frames \(--max-frames\)\.\n$/);
    const timed = await run('record', '-', '--for', '0.1', '-q');
    expect(readRecording(timed.stdout).records.at(-1)).toMatchObject({ kind: 'end', reason: 'its time was up' });
  });

  it('overwrites nothing, and reports missing permissions', async () => {
    const file = join(folder, 'mine.txt');
    writeFileSync(file, 'mine');
    const there = await run('record', file, '--for', '1');
    expect([there.code, there.stderr]).toStrictEqual([2, expect.stringContaining('is there already. --force')]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await run('record', '/dev/full', '--force', '--for', '1')).stderr).toContain('cannot be written (ENOSPC)');
    const old = await CommandHost.start({ monitored: false });
    const refused = await run('record', '-', '--host', old.url);
    expect([refused.code, refused.stdout]).toStrictEqual([1, '']);
    expect(refused.stderr).toContain('serveMonitor');
    await old.close();
  });

  it('keeps its records where the host disappears', async () => {
    const file = join(folder, 'lost.jsonl');
    const end = run('record', file);
    await appeared(file);
    await host.close();
    const { code, stderr } = await end;
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /connections .*; the connection to the host was lost\.\nrxgrid: the connection to .* is lost\./,
    );
    expect(readRecording(readFileSync(file)).records.at(-1)).toMatchObject({ kind: 'end' });
  });
});

describe('decode', () => {
  it('prints the readable part of a truncated recording, and says so', async () => {
    const file = join(folder, 'cut.jsonl');
    await record(file, () => run('call', 'diskInfo', '-d', '{"disk": 2}'));
    truncateSync(file, statSync(file).size - 60);
    const { code, stdout, stderr } = await run('decode', file);
    expect([code, stderr]).toStrictEqual([5, expect.stringMatching(/^rxgrid: the recording is cut off: .*\n$/)]);
    expect(stdout).toContain('diskInfo (7 bytes)');
  });

  it('refuses other files in one line', async () => {
    const file = join(folder, 'other');
    for (const [text, message] of [
      ['', 'The recording is empty'],
      ['\u001b[31mhello', 'this is not a recording of rxgrid'],
      ['{"rxgrid":"recording","version":7}', 'its format has the version 7'],
    ] as const) {
      writeFileSync(file, text);
      const { code, stdout, stderr } = await run('decode', file);
      expect([code, stdout]).toStrictEqual([2, '']);
      expect(stderr).toMatch(/^rxgrid: [\u0020-\u007e]*\n$/);
      expect(stderr).toContain(message);
    }
    expect((await run('decode', join(folder, 'none'))).stderr).toContain('cannot be read (ENOENT)');
    truncateSync(file, 300 << 20);
    expect((await run('decode', file)).stderr).toContain('has more than 256 MiB');
  });

  it('prints no characters that a terminal acts on', async () => {
    const evil = '\u001b[2J\u202e\u0007';
    const file = join(folder, 'evil.jsonl');
    const lines = [
      { rxgrid: 'recording', version: 1, host: evil, at: 1, payloads: true, library: evil },
      { t: 0, kind: 'route', route: 0, name: evil, type: 'unary', handler: 9, request: 'json', output: evil },
      { t: 0, kind: 'opened', link: 1, host: evil, peer: 'leaf', extended: true, extensions: [], calls: [] },
      { t: 0, kind: 'frame', link: 1, by: 'remote', op: 'Request', mux: 1, route: 0, size: 4, payload: 'G1syag==' },
      { t: 1, kind: 'closed', link: 1, reason: evil },
      { t: 1, kind: 'end', reason: evil },
    ];
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    for (const options of [[], ['--marbles']]) {
      expect((await run('decode', file, ...options)).stdout).toMatch(/^[\n\u0020-\u007e→⇄…]+$/);
    }
  });

  it('prints a message in hex', async () => {
    const { code, stdout } = await run('decode', '--hex', '97 0100 00 09 0e 02 c401 81');
    expect([code, stdout]).toStrictEqual([0, expect.stringMatching(/^Request 1 handler 9 .*Eof\n$/)]);
    expect((await run('decode', '--hex', 'xyz')).code).toBe(2);
    expect((await run('decode', '--hex', '9701')).stderr).toContain('these bytes are not a message');
  });
});

describe('bench', () => {
  it('measures calls and streams', async () => {
    const { code, stdout } = await run('bench', '--for', '0.3', '-c', '2', '--json');
    expect(code).toBe(0);
    const shown = JSON.parse(stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ route: 'echo', kind: 'call', concurrency: 2, errors: {} });
    expect(shown.bytes).toBe(64 * (shown.done as number));
    const text = await run('bench', 'diskInfo', '-d', '{"disk": 1}', '--for', '0.3');
    expect(text.stdout).toMatch(/^diskInfo: \d+ calls\/s with 16 at once \(\d+ in 0\.3 s\)\nlatency: min .* ms\n$/);
    const stream = await run('bench', 'count', '-q', '--for', '0.3', '-c', '1', '--json');
    expect(JSON.parse(stream.stdout)).toMatchObject({ route: 'count', kind: 'stream', latency: null });
  });

  it('reports failures and missing routes', async () => {
    const failed = await run('bench', 'diskInfo', '-d', '{"disk": 13}', '--for', '0.3');
    expect([failed.code, failed.stderr]).toStrictEqual([1, 'rxgrid: every call failed: no-disk.\n']);
    const none = await run('bench', 'none', '--for', '0.3');
    expect([none.code, none.stderr]).toStrictEqual([1, expect.stringContaining('serves no route "none"')]);
    expect((await run('bench', 'diskInfo', '-d', '{"disk": "x"}')).code).toBe(2);
  });
});
