import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '../../lib/testing/seeded-random.js';
import { buildLib } from '../support/programs/built-lib.js';
import { someBytes } from '../support/files/file-stream.js';
import { freePort } from '../support/real-grid.js';

/*
 * Processes that are killed, and bytes that change on the way: nothing wrong is ever under a final name.
 */

const hostCode = `
import { staticToken } from './dist/esm/index.js';
import { Manager, serveFiles } from './dist/esm/node/index.js';
const [, , local, root] = process.argv;
const manager = new Manager({ local, hosts: [], auth: staticToken('x'), leaves: { authenticate: () => 'tool' } });
serveFiles(manager, { root, writable: true });
await manager.listen({ address: '127.0.0.1' });
console.log('ready');
`;
const seed = 6;
const bytes = someBytes(30_000_000);
let built: string;
let folder: string;
let local: string;
let host: ChildProcess;
const children = new Set<ChildProcess>();

beforeAll(() => {
  built = buildLib();
  writeFileSync(join(built, 'host.mjs'), hostCode);
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-kill-'));
  for (const name of ['root', 'here']) mkdirSync(join(folder, name));
  local = `http://127.0.0.1:${String(await freePort())}`;
  await startHost();
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  rmSync(folder, { recursive: true, force: true });
});

function run(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, args, { env: { ...process.env, RXGRID_TOKEN: 'x' } });
  children.add(child);
  return child;
}

async function startHost(): Promise<void> {
  host = run([join(built, 'host.mjs'), local, join(folder, 'root')]);
  await once(host.stdout!, 'data');
}

const cp = (...args: string[]): ChildProcess => run([join(built, 'dist/esm/cli/main.js'), 'cp', ...args]);

async function end(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr!.on('data', (data) => (stderr += String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

/** Waits until so many bytes of a file on its way are in a folder, or the file is there. */
async function untilWritten(where: string, count: number): Promise<void> {
  const written = (): number =>
    Math.max(
      -1,
      ...readdirSync(where).map((name) => statSync(join(where, name), { throwIfNoEntry: false })?.size ?? -1),
    );
  while (written() < count) await new Promise((resolve) => setImmediate(resolve));
}

/** Nothing, or the whole file, has the name. */
function expectWholeOrNone(path: string): void {
  expect(!existsSync(path) || readFileSync(path).equals(bytes)).toBe(true);
}

const remote = (name: string, base = local): string => `${base.replace('http:', 'ws:')}:${name}`;

describe.each(['upload', 'download'])('during an %s', (way) => {
  it.each(['sender', 'receiver'])(
    'leaves nothing half-written when a %s is killed, and the next run can follow',
    async (victim) => {
      const random = new SeededRandom(seed);
      const [source, target] =
        way === 'upload'
          ? [join(folder, 'here/big'), join(folder, 'root/big')]
          : [join(folder, 'root/big'), join(folder, 'here/big')];
      writeFileSync(source, bytes);
      const args = way === 'upload' ? [source, remote('big')] : [remote('big'), target];
      for (let count = 0; count < 3; count++) {
        rmSync(target, { force: true });
        const copying = cp('--resume', ...args);
        const ended = end(copying);
        await untilWritten(join(target, '..'), random.below(bytes.length));
        const killsHost = (victim === 'receiver') === (way === 'upload');
        const gone = once(killsHost ? host : copying, 'close');
        (killsHost ? host : copying).kill('SIGKILL');
        await gone;
        const { code } = await ended;
        expectWholeOrNone(target);
        if (!existsSync(target)) expect(code).not.toBe(0);
        if (killsHost) await startHost();
        expect(await end(cp('--resume', ...args))).toMatchObject({ code: 0 });
        expect(readFileSync(target).equals(bytes)).toBe(true);
      }
    },
    60_000,
  );
});

describe('a byte that changes in transit', () => {
  let proxy: Server;
  let base: string;
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    // In the midst of the file, and in the clear: an acceptor's messages are not masked.
    proxy = createServer((near) => {
      const far = connect(Number(new URL(local).port), '127.0.0.1');
      let passed = 0;
      far.on('data', (chunk: Buffer) => {
        const at = 10_000_000 - passed;
        passed += chunk.length;
        if (at >= 0 && at < chunk.length) chunk[at]! ^= 1;
        near.write(chunk);
      });
      near.pipe(far);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.on('error', () => undefined).on('close', () => other.destroy());
      }
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    base = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
  });

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });

  it('is detected only by --verify', async () => {
    writeFileSync(join(folder, 'root/big'), bytes);
    const target = join(folder, 'here/big');
    const { code, stderr } = await end(cp('--verify', remote('big', base), target));
    expect(code).toBe(1);
    expect(stderr).toMatch(/sha256/);
    expect(readdirSync(join(folder, 'here'))).toStrictEqual([]);
    expect(await end(cp(remote('big', base), target))).toMatchObject({ code: 0 });
    expect(readFileSync(target).equals(bytes)).toBe(false);
  }, 30_000);
});
