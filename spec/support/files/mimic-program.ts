import koffi from 'koffi';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, tap } from 'rxjs';
import { staticToken } from '../../../lib/endpoint/accept/auth.js';
import { readFile, writeFile } from '../../../lib/files/file-client.js';
import { fileRoutes } from '../../../lib/files/file-routes.js';
import { serveFiles } from '../../../lib/node/files/serve/serve-files.js';
import { receiveFile } from '../../../lib/node/files/receive/receive-file.js';
import { receiveFiles } from '../../../lib/node/files/receive/receive-files.js';
import { fileRegion } from '../../../lib/node/files/send/file-region.js';
import type { Foreign } from '../../../lib/node/kernel/foreign.js';
import { connect } from '../../../lib/node/server/leaf.js';
import { Manager } from '../../../lib/node/server/manager.js';

/*
 * The whole stack as on another system: with its name, and with a library in the place of its C library. Arguments: the
 * platform, the library, a free port, a folder with `root/big` and `root/folder`. Says what it has seen as one line of
 * JSON.
 */

const [, , platform, library, port, folder] = process.argv as [string, string, string, string, string, string];
const rounds = 6;

function mimic(foreign: Foreign): (prototype: string) => (...args: readonly unknown[]) => number {
  const mimicked = foreign.load(library);
  const own = (path: string | null): ReturnType<Foreign['load']> => {
    if (path !== null && !/^lib(sendfile|socket)\.so\.1$/.test(path)) throw new Error(`${path} is not mimicked`);
    // The real `send` of Linux is in this process already.
    return { func: (prototype) => mimicked.func(prototype.replace(' send(', ' mimic_send(')) };
  };
  foreign.load = own;
  return (prototype) => mimicked.func(prototype);
}

async function main(): Promise<void> {
  const imported = (await import('koffi')) as unknown as { readonly default: Foreign };
  const func = mimic(imported.default);
  // The stack may import either.
  if ((koffi as unknown) !== imported.default) (koffi as unknown as Foreign).load = imported.default.load;
  const fail = func('void mimic_fail(long call)');
  const count = func('long mimic_count(int what)');
  Object.defineProperty(process, 'platform', { value: platform });

  const url = `http://127.0.0.1:${port}`;
  const manager = new Manager({
    local: url,
    hosts: [],
    auth: staticToken('x'),
    leaves: { authenticate: () => 'leaf' },
  });
  serveFiles(manager, { root: join(folder, 'root'), writable: true });
  await manager.listen({ address: '127.0.0.1' });
  const leaf = connect(url, { token: 'x', zeroMask: true });
  await leaf.ready();

  const hashes: Record<string, Set<string>> = {};
  const modes = new Set<string>();
  const note = (what: string, path: string): void => {
    (hashes[what] ??= new Set()).add(createHash('sha256').update(readFileSync(path)).digest('hex'));
  };
  const download = (name: string): Promise<unknown> =>
    lastValueFrom(
      readFile(leaf, 'big').pipe(
        tap((item) => item.kind === 'header' && modes.add(`download ${String(item.via)}`)),
        receiveFile(join(folder, name), { fsync: false }),
      ),
    );
  const region = fileRegion(join(folder, 'root/big'), { progress: ({ mode }) => modes.add(`upload ${mode}`) });
  for (let round = 0; round < rounds; round++) {
    await download('down');
    note('download', join(folder, 'down'));
    await lastValueFrom(writeFile(leaf, 'up', region, { fsync: false }));
    note('upload', join(folder, 'root/up'));
  }
  // With an error that the binding does not know: the rest passes through JavaScript.
  fail(3);
  await download('failed');
  note('after a failure', join(folder, 'failed'));
  mkdirSync(join(folder, 'copy'));
  await lastValueFrom(
    leaf
      .exchange(fileRoutes.read, undefined, [{ path: 'folder', recursive: true }])
      .pipe(receiveFiles(join(folder, 'copy'), { fsync: false })),
  );
  for (const name of readdirSync(join(folder, 'copy')).sort()) note(`folder/${name}`, join(folder, 'copy', name));
  const [calls, heads, partial, failures] = [0, 1, 2, 3].map((what) => count(what));
  leaf.close();
  await manager.close();
  process.stdout.write(
    JSON.stringify({
      hashes: Object.fromEntries(Object.entries(hashes).map(([what, found]) => [what, [...found]])),
      modes: [...modes].sort(),
      failures,
      // Else this has shown nothing.
      tried: { calls: calls! > 2 * rounds, heads: heads! > 2 * rounds, partial: partial! > 0 },
    }),
  );
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
