import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { manifestOfSources } from '../support/programs/built-lib.js';

/*
 * The bench as a person runs it, with rounds of a few milliseconds: that it works, not what it measures.
 */

const project = resolve(__dirname, '../..');
let source: string;

interface Outcome {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

async function bench(...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, ['bench/run.mjs', ...args], { cwd: source, stdio: ['ignore', 'pipe', 'pipe'] });
  let [text, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, lines: text.trimEnd().split('\n'), errors };
}

interface Gates {
  cells: string[];
  peers: Record<string, { gates: ([number, number] | null)[] }>;
}

/** Puts these bounds at all gates of the copy. */
function setGates(bounds: [number, number]): void {
  const file = join(source, 'bench/gates.json');
  const gates = JSON.parse(readFileSync(file, 'utf8')) as Gates;
  for (const peer of Object.values(gates.peers)) peer.gates = peer.gates.map((gate) => gate && bounds);
  writeFileSync(file, JSON.stringify(gates));
}

const tiny = ['--rounds', '1', '--ms', '5', '--warm', '5'];

beforeAll(async () => {
  source = mkdtempSync(join(tmpdir(), 'rxgrid-bench-'));
  cpSync(join(project, 'bench'), join(source, 'bench'), { recursive: true });
  mkdirSync(join(source, 'scripts'));
  cpSync(join(project, 'scripts/command-options.mjs'), join(source, 'scripts/command-options.mjs'));
  writeFileSync(join(source, 'package.json'), manifestOfSources());
  symlinkSync(join(project, 'node_modules'), join(source, 'node_modules'), 'dir');
  // Built in a copy, since `dist` of the project may be in use, and without types: that is another spec's matter.
  const files = readdirSync(join(project, 'lib'), { recursive: true, encoding: 'utf8' });
  await build({
    entryPoints: files.filter((name) => name.endsWith('.ts')).map((name) => join(project, 'lib', name)),
    outdir: join(source, 'dist/esm'),
    outbase: join(project, 'lib'),
    format: 'esm',
  });
  mkdirSync(join(source, 'out'));
}, 60_000);

afterAll(() => {
  rmSync(source, { recursive: true, force: true });
});

describe('npm run bench', () => {
  it('--quick measures nine cells beside raw ws, seven of them beside rsocket, and records them', async () => {
    writeFileSync(join(source, 'out/run.md'), 'a\n<!-- bench rates -->\n<!-- bench end -->\nb');
    const { code, lines } = await bench('--quick', ...tiny, '--json', 'out/run.json', '--markdown', 'out/run.md');
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(/^bench: 16 cells, \d+ at gate, \d+ at stretch$/);
    const { results } = JSON.parse(readFileSync(join(source, 'out/run.json'), 'utf8')) as {
      results: { group: string; cells: { name: string; against: string; value: number; gate?: number }[] }[];
    };
    expect(results.map(({ group }) => group)).toStrictEqual(['rates']);
    const gated = results[0]!.cells.filter(({ gate }) => gate !== undefined);
    const { cells, peers } = JSON.parse(readFileSync(join(source, 'bench/gates.json'), 'utf8')) as Gates;
    expect(gated.map(({ name, against }) => `${name} ${against}`)).toStrictEqual(
      cells.flatMap((name, index) => [
        `${name} raw ws`,
        ...(peers.rsocket!.gates[index] === null ? [] : [`${name} rsocket`]),
      ]),
    );
    expect(gated.filter(({ value }) => !(value > 0))).toStrictEqual([]);
    const markdown = readFileSync(join(source, 'out/run.md'), 'utf8');
    expect(markdown).toMatch(/^a\n<!-- bench rates -->\n[^]*\n\| raw ws [^]*\n<!-- bench end -->\nb$/);
  }, 60_000);

  it('--check fails, and names the cells, where a gate is missed', async () => {
    setGates([1e9, 1e9]);
    const { code, lines, errors } = await bench('--check', '--only', 'rates/stream-100', ...tiny);
    expect(code).toBe(1);
    expect(lines.slice(-2)).toStrictEqual([
      'short of the gate: stream-100 against raw ws; stream-100 against rsocket',
      'bench: 2 cells, 0 at gate, 0 at stretch',
    ]);
    // Measured, and then twice more.
    expect(errors.match(/rates: stream-100/g)).toHaveLength(3);
  }, 60_000);

  it('--check passes where all gates are reached', async () => {
    setGates([0, 0]);
    const { code, lines, errors } = await bench('--check', '--only', 'rates/stream-100', ...tiny);
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe('bench: 2 cells, 2 at gate, 2 at stretch');
    expect(errors.match(/rates: stream-100/g)).toHaveLength(1);
  }, 60_000);

  it.each([
    'checksum/duplex-100',
    'cancel',
    'latency',
    'cpu',
    'typed',
    'bulk/beside-64k',
    'slow/consume,slow/sendTo',
    'memory/stream-caller,bundle/main',
  ])(
    '--only %s measures that',
    async (only) => {
      const { code, lines, errors } = await bench('--only', only, ...tiny);
      expect(errors).not.toMatch(/Error/);
      expect(code).toBe(0);
      expect(lines.at(-1)).toMatch(/^bench: [1-3] cells, \d+ at gate, \d+ at stretch$/);
    },
    60_000,
  );

  it('--only micro measures parts of the library, which agree with the naive implementations', async () => {
    writeFileSync(join(source, 'out/kept.md'), 'a text without a place');
    const { code, lines, errors } = await bench('--only', 'micro', ...tiny, '--markdown', 'out/kept.md');
    expect(errors).not.toMatch(/Error/);
    expect(errors).toContain('kept.md has no place for micro');
    expect(readFileSync(join(source, 'out/kept.md'), 'utf8')).toBe('a text without a place');
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatch(/^bench: 6 cells, \d+ at gate, 0 at stretch$/);
  }, 60_000);

  it.each([
    [['--only', 'nonsense'], '--only nonsense: there is no group nonsense. --list names them.'],
    [['--only', 'rates/nonsense'], '--only rates/nonsense: rates has unary-512-c1, '],
    [['--rounds', '0'], '--rounds must be a whole number, 1 or more; it is 0.'],
    [['--nonsense'], "Unknown option '--nonsense' See --help."],
  ])('refuses %j and says what it takes', async (args, text) => {
    const { code, lines, errors } = await bench(...args);
    expect(code).toBe(2);
    expect(lines).toStrictEqual(['']);
    expect(errors).toContain(`rxgrid: ${text}`);
  });

  it('--help prints the options', async () => {
    const { code, lines } = await bench('--help');
    expect(code).toBe(0);
    expect(lines.join('\n')).toMatch(/--only \S+ +\S/);
  });
});
