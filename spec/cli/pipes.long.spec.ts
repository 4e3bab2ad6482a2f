import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, startCli, type Run } from '../support/programs/cli.js';
import { namesIn, someBytes } from '../support/files/file-stream.js';
import { FilesHost } from '../support/files/files-host.js';

/*
 * The command among others in a shell: pipes, what the user typed, several sources, signals.
 */

let built: string;
let host: FilesHost;
let base: string;
const bytes = someBytes(1_000_000);

beforeAll(() => {
  built = buildLib();
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await FilesHost.start({ writable: true });
  base = host.name.replace('http:', 'ws:');
});

afterEach(async () => {
  await host.close();
});

const served = (path: string): string => join(host.root, path);
const here = (path: string): string => join(host.local, path);
const run = (...args: string[]): Promise<Run> => endOf(startCli(built, ['cp', ...args]));

/** Runs a line of a shell, in which `$cp` is the command and `$h` the host. */
async function shell(line: string): Promise<Run> {
  const cp = `${process.execPath} ${join(built, 'dist/esm/cli/main.js')} cp`;
  const env = { ...process.env, RXGRID_TOKEN: 'good', cp, h: base, TMPDIR: host.local };
  return endOf(spawn('sh', ['-c', line], { env, cwd: host.local }));
}

describe('a pipe', () => {
  it('is a source and a target', async () => {
    writeFileSync(here('in'), bytes);
    expect((await shell('cat in | $cp - $h:up && $cp --verify $h:up - > out')).code).toBe(0);
    expect(readFileSync(served('up')).equals(bytes)).toBe(true);
    expect(readFileSync(here('out')).equals(bytes)).toBe(true);
    // Nothing is left of the temporary file, and none is named `-`.
    expect(namesIn(host.local)).toStrictEqual(['in', 'out']);
  });

  it('gives its copy the mode permitted by the umask', async () => {
    expect((await shell('umask 022; echo x | $cp - $h:up')).code).toBe(0);
    expect(statSync(served('up')).mode & 0o777).toBe(0o644);
  });

  it('ends the command silently when its reader closes it', async () => {
    writeFileSync(served('big'), someBytes(20_000_000));
    const { stderr, stdout } = await shell('($cp $h:big -; echo $? >code) | head -c 10 | wc -c');
    expect(stdout.trim()).toBe('10');
    expect(stderr).toBe('');
    expect(readFileSync(here('code'), 'utf8')).toBe('141\n');
  });

  it('ends the command silently when it takes no lines of --json', async () => {
    writeFileSync(served('big'), someBytes(20_000_000));
    const { stderr } = await shell('($cp --json $h:big big; echo $? >code) | true');
    expect(stderr).toBe('');
    expect(readFileSync(here('code'), 'utf8')).toBe('141\n');
  });

  it('has no name in a folder of the host', async () => {
    mkdirSync(served('d'));
    expect((await shell('echo x | $cp - $h:d')).code).toBe(2);
    expect((await shell('echo x | $cp - $h:')).code).toBe(2);
  });
});

describe('a path typed by the user', () => {
  it('is written through its links', async () => {
    writeFileSync(served('a'), 'new');
    writeFileSync(here('real'), 'old');
    symlinkSync('real', here('link'));
    expect((await run(`${base}:a`, here('link'))).code).toBe(0);
    expect(lstatSync(here('link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(here('real'), 'utf8')).toBe('new');
  });

  it('is read through its links, also out of its folder', async () => {
    mkdirSync(here('x'));
    writeFileSync(here('real'), 'real');
    symlinkSync('../real', here('x/link'));
    expect((await run(here('x/link'), `${base}:`)).code).toBe(0);
    expect(readFileSync(served('link'), 'utf8')).toBe('real');
  });

  it('may be a device, which is not replaced', async () => {
    writeFileSync(served('a'), 'text');
    const { code, stdout } = await shell('$cp $h:a /dev/stdout && $cp $h:a /dev/null && test -c /dev/null');
    expect({ code, stdout }).toStrictEqual({ code: 0, stdout: 'text' });
  });

  it('may be a FIFO, in both directions', async () => {
    writeFileSync(served('a'), 'text');
    const { code, stdout } = await shell(
      'mkfifo f && { cat f & $cp $h:a f; } && wait && { echo back > f & $cp f $h:b; }',
    );
    expect({ code, stdout }).toStrictEqual({ code: 0, stdout: 'text' });
    expect(readFileSync(served('b'), 'utf8')).toBe('back\n');
  });
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a wait for the writer of a FIFO', async (signal, expected) => {
  expect(spawnSync('mkfifo', [here('f')]).status).toBe(0);
  const child = startCli(built, ['cp', '-v', here('f'), `${base}:x`], { RXGRID_TOKEN: 'good', TMPDIR: host.local });
  const ended = endOf(child);
  // What the pipe gives is kept in a folder, which is made before the FIFO is opened.
  while (!namesIn(host.local).some((name) => name.startsWith('rxgrid-cp-'))) await stat(host.local);
  child.kill(signal);
  expect((await ended).code ?? child.signalCode).toBe(expected);
  expect(namesIn(host.local)).toStrictEqual(['f']);
});

describe('several sources', () => {
  it('are copied into the target', async () => {
    for (const name of ['1', '2']) writeFileSync(here(name), name);
    expect(await run(here('1'), here('2'), `${base}:new`)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^2 files, 2 B/) as unknown as string,
    });
    expect(namesIn(served('new'))).toStrictEqual(['1', '2']);
  });

  it('may result from a glob at the host; one that fails does not end the others', async () => {
    for (const name of ['a1', 'a2', 'b1', '.a3']) writeFileSync(served(name), name);
    mkdirSync(served('a4'));
    const { code, stderr } = await run(`${base}:a*`, here('to'));
    expect(namesIn(here('to'))).toStrictEqual(['a1', 'a2']);
    expect({ code, stderr }).toStrictEqual({
      code: 5,
      stderr: expect.stringMatching(
        /^rxgrid: "a4" is a folder.*-r.*\n2 files, 4 B, .*, 1 not copied\n$/,
      ) as unknown as string,
    });
  });
});

it('--json writes only machine-readable lines', async () => {
  writeFileSync(served('a'), bytes);
  const { code, stdout, stderr } = await run('--json', `${base}:a`, here('a'));
  expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly type: string });
  expect(lines.at(-1)).toMatchObject({ type: 'done', files: 1, bytes: bytes.length, failures: 0 });
});

it('the token is read from a file', async () => {
  writeFileSync(served('a'), 'a');
  writeFileSync(here('token'), 'good\n');
  const child = startCli(built, ['cp', '--token-file', here('token'), `${base}:a`, here('a')], {});
  expect((await endOf(child)).code).toBe(0);
});

// Root reads everything: then there is nothing to try.
const asUser = process.getuid?.() === 0 ? it.skip : it;

asUser(
  'a folder that cannot be read does not stop the others',
  async () => {
    for (const root of [host.root, host.local]) {
      mkdirSync(join(root, 'd/sub'), { recursive: true });
      for (const name of ['d/1', 'd/sub/2']) writeFileSync(join(root, name), name);
      spawnSync('chmod', ['000', join(root, 'd/sub')]);
    }
    for (const option of ['--no-progress', '--resume', '--links=follow']) {
      expect((await run('-r', option, here('d'), `${base}:up${option}`)).code).toBe(5);
      expect((await run('-r', option, `${base}:d`, here(`down${option}`))).code).toBe(5);
      expect(namesIn(served(`up${option}`))).toContain('1');
      expect(namesIn(here(`down${option}`))).toContain('1');
    }
    for (const root of [host.root, host.local]) spawnSync('chmod', ['755', join(root, 'd/sub')]);
  },
  30_000,
);

describe('a signal', () => {
  const codes = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const;

  it.each(codes)('%s ends an attempt to connect, with %d', async (signal, expected) => {
    // It takes the connection, and does not answer.
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const child = startCli(built, ['cp', '--timeout', '3600', `127.0.0.1:${String(port)}:a`, here('a')]);
    await once(silent, 'connection');
    const ended = endOf(child);
    child.kill(signal);
    expect((await ended).code).toBe(expected);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it.each(codes)(
    '%s leaves no temporary file, with %d',
    async (signal, expected) => {
      const fd = openSync(served('big'), 'w');
      writeFileSync(fd, someBytes(60_000_000));
      const child = startCli(built, ['cp', `${base}:big`, here('big')]);
      const ended = endOf(child);
      while (readdirSync(host.local).length === 0) await new Promise((resolve) => setImmediate(resolve));
      child.kill(signal);
      const { code } = await ended;
      // It may have been done before.
      if (!existsSync(here('big'))) {
        expect(code).toBe(expected);
        expect(readdirSync(host.local)).toStrictEqual([]);
      }
    },
    30_000,
  );
});

it('--retry reconnects, and resumes', async () => {
  writeFileSync(served('big'), someBytes(30_000_000));
  const child = startCli(built, ['cp', '--retry', '3', `${base}:big`, here('big')]);
  const ended = endOf(child);
  while (readdirSync(host.local).length === 0) await new Promise((resolve) => setImmediate(resolve));
  // The host drops its leaves, and is there again.
  await host.manager.close();
  const again = host.grid.manager(host.name, [], { leaves: { authenticate: () => 'tool' } });
  const { serveFiles } = await import('../../lib/node/files/serve/serve-files.js');
  serveFiles(again, { root: host.root });
  await again.listen({ address: '127.0.0.1' });
  expect((await ended).code).toBe(0);
  expect(readFileSync(here('big')).equals(readFileSync(served('big')))).toBe(true);
  expect(namesIn(host.local)).toStrictEqual(['big']);
}, 30_000);
