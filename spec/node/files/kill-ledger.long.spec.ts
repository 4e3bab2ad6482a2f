import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cp } from '../../../lib/cli/copy/cp.js';
import { isOwnName } from '../../../lib/files/peer-path.js';
import { RootFolder } from '../../../lib/node/files/folder/root-folder.js';
import { sweepTemporaries } from '../../../lib/node/files/folder/sweep.js';
import { SeededRandom } from '../../../lib/testing/seeded-random.js';
import { bundleProgram } from '../../support/programs/bundle.js';
import type { Answer, CopyTask, KillTask } from '../../support/files/kill-program.js';
import { freePort } from '../../support/real-grid.js';

/*
 * A ledger over processes that are killed at a random byte while they copy: sender, receiver, or a proxy between them.
 * After each kill, the same copy with --resume and --verify must end well, with the right bytes; before it and after it
 * only whole files may have a final name; and after a sweep nothing else may be left.
 *
 * RXGRID_KILLS: how many (default 24); RXGRID_SEED: another series.
 */

const kills = Number(process.env.RXGRID_KILLS ?? 24);
const seed = Number(process.env.RXGRID_SEED ?? 11);

/** Who sends, and how: an acceptor never masks; a dialer does, and with a key of zeros its kernel may send. */
const ways = [
  { direction: 'download', mode: 'kernel', zeroMask: false, kernel: true },
  { direction: 'upload', mode: 'masked', zeroMask: false, kernel: true },
  { direction: 'download', mode: 'pooled', zeroMask: false, kernel: false },
  { direction: 'upload', mode: 'kernel', zeroMask: true, kernel: true },
  { direction: 'upload', mode: 'pooled', zeroMask: true, kernel: false },
] as const;
const victims = ['sender', 'receiver', 'proxy'] as const;

type Way = (typeof ways)[number];

/** A process, and the port where it listens. */
interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

/** What the files of a folder are, by path; those on their way are apart. */
interface Tree {
  readonly files: Record<string, string>;
  readonly unfinished: readonly string[];
  readonly bytes: number;
}

const children = new Set<ChildProcess>();
let built: { readonly folder: string; readonly program: string };
let folder: string;
let wanted: Tree;

beforeAll(async () => {
  built = await bundleProgram('kill-program');
});

afterAll(() => {
  rmSync(built.folder, { recursive: true, force: true });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-ledger-'));
  for (const side of ['root', 'here']) {
    for (const name of ['src/deep/er', 'src/small']) mkdirSync(join(folder, side, name), { recursive: true });
  }
  const sizes: Record<string, number> = {
    big: 3_000_000,
    'deep/large': 1_500_001,
    'deep/er/middle': 200_000,
    empty: 0,
  };
  for (let index = 0; index < 40; index++) sizes[`small/${String(index)}`] = 100 + index * 97;
  for (const [name, size] of Object.entries(sizes)) {
    const bytes = randomBytes(size);
    for (const side of ['root', 'here']) {
      writeFileSync(join(folder, side, 'src', name), bytes);
      utimesSync(join(folder, side, 'src', name), 1_700_000_000, 1_700_000_000);
    }
  }
  wanted = treeOf(join(folder, 'root/src'));
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  rmSync(folder, { recursive: true, force: true });
});

async function start(...args: string[]): Promise<Running> {
  const child = fork(built.program, args);
  children.add(child);
  child.once('exit', () => children.delete(child));
  const { port } = (await answerOf(child)) as { readonly port: number };
  return { child, port };
}

async function answerOf(child: ChildProcess): Promise<Answer> {
  const [answer] = (await once(child, 'message')) as [Answer];
  return answer;
}

/** The processes that are there between two kills: whoever is gone is started again. */
class Cast {
  readonly #running = new Map<string, Promise<Running>>();

  host(kernel: boolean): Promise<Running> {
    const mode = kernel ? 'kernel' : 'pooled';
    return this.#there(`host ${mode}`, async () => start('host', String(await freePort()), join(folder, 'root'), mode));
  }

  leaf(): Promise<Running> {
    return this.#there('leaf', () => start('leaf'));
  }

  proxy(): Promise<Running> {
    return this.#there('proxy', () => start('proxy'));
  }

  #there(name: string, begin: () => Promise<Running>): Promise<Running> {
    let running = this.#running.get(name);
    if (running === undefined) {
      running = begin();
      this.#running.set(name, running);
      void running.then(({ child }) => child.once('exit', () => this.#running.delete(name)));
    }
    return running;
  }
}

function treeOf(root: string): Tree {
  const files: Record<string, string> = {};
  const unfinished: string[] = [];
  let bytes = 0;
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    if (isOwnName(entry.name)) unfinished.push(name);
    else if (entry.isFile()) {
      const content = readFileSync(path);
      files[name] = createHash('sha256').update(content).digest('hex');
      bytes += content.length;
    }
  }
  return { files, unfinished, bytes };
}

/** One copy, and one kill. The result says which of them came first. */
async function killOne(
  cast: Cast,
  way: Way,
  victim: (typeof victims)[number],
  { bytes, source, target }: { readonly bytes: number; readonly source: string; readonly target: string },
): Promise<string> {
  const { direction, zeroMask, kernel } = way;
  const [host, leaf, proxy] = await Promise.all([
    cast.host(direction === 'upload' || kernel),
    cast.leaf(),
    cast.proxy(),
  ]);
  const isLeaf = (victim === 'sender') === (direction === 'upload');
  const doomed = victim === 'proxy' ? proxy : isLeaf ? leaf : host;
  const armed = answerOf(proxy.child);
  proxy.child.send({ port: host.port, bytes, pid: doomed.child.pid! } satisfies KillTask);
  await armed;
  const gone = once(doomed.child, 'exit');
  const ended = answerOf(leaf.child);
  const url = `ws://127.0.0.1:${String(proxy.port)}`;
  leaf.child.send({ url, direction, source, target, zeroMask, kernel } satisfies CopyTask);
  const answer = await Promise.race([ended, gone.then(() => undefined)]);
  // All of it came through before the byte at which to kill.
  if (answer !== undefined && 'said' in answer) doomed.child.kill('SIGKILL');
  await gone;
  if (doomed !== leaf) await ended;
  return answer !== undefined && 'said' in answer ? 'whole' : 'cut short';
}

const options = {
  recursive: true,
  resume: true,
  verify: true,
  fsync: false,
  links: 'skip',
  exclude: [],
  dryRun: false,
  retry: 0,
  tokenCommand: 'echo x',
  timeout: 20_000,
  progress: false,
  json: false,
  quiet: true,
  verbose: false,
  preserve: false,
  delete: false,
  parallel: 1,
  maxEntries: 1_000_000,
} as const;

/** Files of an upload that broke off are put back by a host that notices it a moment later. */
async function untilNothingIsLeft(root: string): Promise<void> {
  for (let tries = 0; tries < 200 && treeOf(root).unfinished.length > 0; tries++) {
    await sweepTemporaries(new RootFolder(root));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it.each(ways)('without a kill, a $direction follows the ledger: $mode', async (way) => {
  const { direction, mode, zeroMask, kernel } = way;
  const cast = new Cast();
  const [host, leaf] = await Promise.all([cast.host(direction === 'upload' || kernel), cast.leaf()]);
  const [source, target] =
    direction === 'download' ? ['src', join(folder, 'here/copy')] : [join(folder, 'here/src'), 'copy'];
  const ended = answerOf(leaf.child);
  const url = `ws://127.0.0.1:${String(host.port)}`;
  leaf.child.send({ url, direction, source, target, zeroMask, kernel } satisfies CopyTask);
  expect(await ended).toMatchObject({
    said: expect.stringMatching(mode === 'kernel' ? /, kernel\b/ : /, pooled\b/) as unknown,
  });
  const { files } = treeOf(join(folder, direction === 'download' ? 'here/copy' : 'root/copy'));
  expect(files).toStrictEqual(wanted.files);
});

it(
  `after each of ${String(kills)} kills the copy is resumed, and is correct`,
  async () => {
    const random = new SeededRandom(seed);
    const cast = new Cast();
    const ledger: Record<string, number> = {};
    const count = (what: string): void => {
      ledger[what] = (ledger[what] ?? 0) + 1;
    };
    for (let index = 0; index < kills;) {
      const way = ways[random.below(ways.length)]!;
      const isFile = random.below(3) === 0;
      const [from, to] = way.direction === 'download' ? ['root', 'here'] : ['here', 'root'];
      const copy = isFile ? 'copy/big' : 'copy';
      const source = isFile ? 'src/big' : 'src';
      const there = join(folder, to, copy);
      const root = join(folder, to, 'copy');
      const right = isFile ? { big: wanted.files.big! } : wanted.files;
      mkdirSync(isFile ? root : dirname(root), { recursive: true });
      const total = isFile ? statSync(join(folder, from, source)).size : wanted.bytes;
      // Some copies are cut short twice before they are continued.
      let what = '';
      for (let cuts = 1 + random.below(2); cuts > 0 && index < kills; cuts--, index++) {
        const victim = victims[index % victims.length]!;
        const bytes = 1 + random.below(Math.floor(total * 1.01));
        what += `kill ${String(index)} of seed ${String(seed)}: the ${victim} of ${way.direction}, ${way.mode}, ${source}, byte ${String(bytes)}; `;
        const task =
          way.direction === 'download'
            ? { bytes, source, target: there }
            : { bytes, source: join(folder, 'here', source), target: copy };
        count(`${way.direction} ${way.mode}, ${victim}: ${await killOne(cast, way, victim, task)}`);
        const before = existing(root);
        for (const [name, hash] of Object.entries(before.files)) {
          expect({ what, name, hash }).toStrictEqual({ what, name, hash: right[name] });
        }
        if (before.unfinished.length > 0) count('something was left to continue');
      }

      const { port } = await cast.host(way.direction === 'upload' || way.kernel);
      const remote = (path: string): string => `ws://127.0.0.1:${String(port)}:${path}`;
      const again =
        way.direction === 'download' ? [remote(source), there] : [join(folder, 'here', source), remote(copy)];
      const code = await cp([again[0]!], again[1]!, options, new AbortController().signal).catch(
        (error: unknown) => `${what}: ${String(error)}`,
      );
      expect(code).toBe(0);
      await untilNothingIsLeft(root);
      const { files, unfinished } = existing(root);
      expect({ what, files, unfinished }).toStrictEqual({ what, files: right, unfinished: [] });
      rmSync(root, { recursive: true });
    }
    if (process.env.RXGRID_KILLS !== undefined) console.info(JSON.stringify(ledger, undefined, 1));
  },
  60_000 + kills * 10_000,
);

function existing(root: string): Tree {
  try {
    return treeOf(root);
  } catch {
    return { files: {}, unfinished: [], bytes: 0 };
  }
}
