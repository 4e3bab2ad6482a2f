import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLib } from '../../support/programs/built-lib.js';
import { endOf, type Run } from '../../support/programs/cli.js';
import { namesIn, someBytes } from '../../support/files/file-stream.js';
import { freePort } from '../../support/real-grid.js';

/*
 * Files under Node's permission model: a host and a leaf in a process that may read its code and write one folder.
 */

const flag = ['--permission', '--experimental-permission'].find((one) => process.allowedNodeEnvironmentFlags.has(one));
const bytes = someBytes(300_000);
const time = new Date(1_000_000_000_000);
let built: string;
let folder: string;

beforeAll(() => {
  built = buildLib();
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-permission-'));
  for (const name of ['root', 'here']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'root/large'), bytes, { mode: 0o640 });
  writeFileSync(join(folder, 'root/small'), 'small');
  for (const name of ['large', 'small']) utimesSync(join(folder, 'root', name), time, time);
});

afterAll(() => {
  for (const path of [built, folder]) rmSync(path, { recursive: true, force: true });
});

async function runProgram(steps: string, allowed: readonly string[]): Promise<Run> {
  const library = (path: string): string => JSON.stringify(join(built, 'dist/esm', path));
  const program = join(built, 'program.mjs');
  const url = `http://127.0.0.1:${String(await freePort())}`;
  writeFileSync(
    program,
    `import { lastValueFrom, toArray } from 'rxjs';
     import { staticToken } from ${library('index.js')};
     import { fileRoutes, readFile, writeFile } from ${library('files/index.js')};
     import { connect, fileRegion, Manager, receiveFile, receiveFiles, serveFiles } from ${library('node/index.js')};
     const [root, here] = ${JSON.stringify([join(folder, 'root'), join(folder, 'here')])};
     const leaves = { authenticate: () => 'leaf' };
     const grid = new Manager({ local: '${url}', hosts: [], auth: staticToken('x'), leaves });
     serveFiles(grid, { root, writable: true });
     await grid.listen({ address: '127.0.0.1' });
     const leaf = connect('${url}', { token: 'x' });
     await leaf.ready();
     ${steps}
     leaf.close();
     await grid.close();
     process.exit();`,
  );
  return endOf(spawn(process.execPath, [flag!, '--no-warnings', ...allowed, program]));
}

const there = flag === undefined ? describe.skip : describe;

there("under Node's permission model", () => {
  const allowed = (): string[] => [
    `--allow-fs-read=${built}/*`,
    `--allow-fs-read=${join(process.cwd(), '*')}`,
    `--allow-fs-read=${folder}/*`,
    '--allow-fs-read=/proc/*',
    `--allow-fs-write=${folder}/*`,
    '--allow-fs-write=/proc/self/fd/*',
  ];

  it('files are read and written with fsync: false, with their times and modes', async () => {
    const { code, stderr } = await runProgram(
      `const options = { fsync: false, preserve: true };
       await lastValueFrom(readFile(leaf, 'large').pipe(receiveFile(here + '/large', options)));
       await lastValueFrom(writeFile(leaf, 'sent', fileRegion(here + '/large'), options));
       const all = leaf.exchange(fileRoutes.read, undefined, [{ path: '', recursive: true }]);
       await lastValueFrom(all.pipe(receiveFiles(here, options)));`,
      allowed(),
    );
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    expect(namesIn(join(folder, 'here'))).toStrictEqual(['large', 'sent', 'small']);
    for (const path of ['here/large', 'here/sent', 'root/sent']) {
      expect(readFileSync(join(folder, path)).equals(bytes)).toBe(true);
      const { mode, mtimeMs } = statSync(join(folder, path));
      expect([mode & 0o777, Math.floor(mtimeMs)]).toStrictEqual([0o640, time.getTime()]);
    }
    expect(readFileSync(join(folder, 'here/small'), 'utf8')).toBe('small');
  }, 30_000);

  it('an operation without permission fails with a code, and leaves nothing', async () => {
    mkdirSync(join(folder, 'closed'));
    const { code, stdout, stderr } = await runProgram(
      `for (const target of ['${join(folder, '../rxgrid-nowhere')}', here + '/forced']) {
         const copied = lastValueFrom(readFile(leaf, 'large').pipe(receiveFile(target)));
         console.log(await copied.then(() => 'done', (error) => error.code));
       }`,
      allowed(),
    );
    expect({ code, stderr }).toStrictEqual({ code: 0, stderr: '' });
    // The second one for fsync alone, which is the default.
    expect(stdout.trim().split('\n')).toStrictEqual(['file-access', 'file-access']);
    expect(namesIn(join(folder, 'here')).filter((name) => name.includes('rxgrid'))).toStrictEqual([]);
  }, 30_000);
});
