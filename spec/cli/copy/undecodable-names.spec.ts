import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { copyIn } from '../../../lib/cli/copy/copy-in.js';
import { copyOut } from '../../../lib/cli/copy/copy-out.js';
import type { CopyOptions } from '../../../lib/cli/copy/copy.js';
import { pathMatcher } from '../../../lib/cli/paths/glob.js';
import { expandRemote } from '../../../lib/cli/paths/remote-glob.js';
import { FilePathError } from '../../../lib/files/file-error.js';
import { listFiles } from '../../../lib/files/file-client.js';
import { fileRoutes } from '../../../lib/files/file-routes.js';
import { copyContext } from '../../support/files/copy-context.js';
import { namesIn } from '../../support/files/file-stream.js';
import { FilesHost } from '../../support/files/files-host.js';

/*
 * A name that is not UTF-8 cannot be asked for. Whatever way a folder is copied, each such name is reported, and the
 * others are copied.
 */

const bad = 'bad\ufffd';
let host: FilesHost;

beforeEach(async () => {
  host = await FilesHost.start({ writable: true, removable: true });
});

afterEach(async () => {
  await host.close();
});

/** A folder with two names that are not UTF-8, of which one is in a folder, and with two others. */
function fill(folder: string): void {
  mkdirSync(join(folder, 'sub'), { recursive: true });
  writeFileSync(join(folder, 'a'), 'a');
  // The character that Node puts in the place of what it cannot decode may also be in a name.
  writeFileSync(join(folder, 'real\ufffd'), 'b');
  writeFileSync(join(folder, 'sub/c'), 'c');
  for (const path of ['bad', 'sub/bad']) {
    writeFileSync(Buffer.concat([Buffer.from(join(folder, path)), Buffer.of(0xff)]), 'x');
  }
}

const modes: readonly (readonly [name: string, options: Partial<CopyOptions>])[] = [
  ['as a whole', {}],
  ['with --exclude', { excludes: pathMatcher(['zzz']) }],
  ['with --resume', { resume: true }],
  ['with --links follow', { links: 'follow' }],
  ['with --parallel', { parallel: 4 }],
  ['with --delete', { delete: true, resume: true }],
  ['with --preserve', { preserve: true }],
  ['as a dry run', { dryRun: true }],
];

describe.each([false, true])('a copy to an existing target (%s)', (there) => {
  it.each(modes)('to a host %s reports the names', async (_, options) => {
    fill(join(host.local, 'd'));
    const target = join(host.root, 'd');
    if (there) mkdirSync(target);
    const lines: string[] = [];
    const context = copyContext(host.leaf, options, lines);
    await copyOut(context, join(host.local, 'd'), there && options.resume !== true ? '' : 'd');
    check(lines, context.report.failures, options.dryRun === true ? undefined : target);
  });

  it.each(modes)('from a host %s reports the names', async (_, options) => {
    fill(join(host.root, 'd'));
    const target = join(host.local, 'd');
    if (there) {
      mkdirSync(join(target, 'sub'), { recursive: true });
      writeFileSync(join(target, 'a'), '');
    }
    const lines: string[] = [];
    const context = copyContext(host.leaf, options, lines);
    await copyIn(context, 'd', there && options.resume !== true ? `${host.local}/` : target);
    check(lines, context.report.failures, options.dryRun === true ? undefined : target);
  });
});

function check(lines: readonly string[], failures: number, target: string | undefined): void {
  const named = lines.filter((line) => line.includes('not in UTF-8'));
  expect([failures, named.length]).toStrictEqual([2, 2]);
  if (target === undefined) return;
  expect(namesIn(target)).toStrictEqual(['a', 'real\ufffd', 'sub']);
}

describe('a name that is not UTF-8', () => {
  it('is a failure of a listing, after the other entries', async () => {
    fill(join(host.root, 'd'));
    const seen: string[] = [];
    const listing$ = listFiles(host.leaf, 'd', { recursive: true, unreadable: ({ path }) => seen.push(path) });
    const infos = await lastValueFrom(listing$.pipe(toArray()));
    expect(infos.map(({ path }) => path).sort()).toStrictEqual(['a', 'real\ufffd', 'sub', 'sub/c']);
    expect(seen.sort()).toStrictEqual([bad, `sub/${bad}`]);
    await expect(lastValueFrom(listFiles(host.leaf, 'd'))).rejects.toBeInstanceOf(FilePathError);
  });

  it('does not end the listing of a caller without support for failures', async () => {
    fill(join(host.root, 'd'));
    const answers = await lastValueFrom(
      host.leaf.stream(fileRoutes.list, { path: 'd', recursive: true }).pipe(toArray()),
    );
    expect(answers.map((answer) => ('value' in answer ? answer.value.path : answer)).sort()).toStrictEqual(
      ['a', 'real\ufffd', 'sub', 'sub/c'].sort(),
    );
  });

  it('is matched by a glob, so that the command reports it', async () => {
    fill(join(host.root, 'd'));
    const remote = { connection: host.leaf, signal: new AbortController().signal };
    expect(await expandRemote(remote, 'd/b*')).toStrictEqual([`d/${bad}`]);
  });

  it('does not prevent --delete from removing other names at the target', async () => {
    fill(join(host.root, 'd'));
    mkdirSync(join(host.local, 'd'));
    writeFileSync(join(host.local, 'd/a'), 'a');
    const context = copyContext(host.leaf, { delete: true, resume: true });
    await copyOut(context, join(host.local, 'd'), 'd');
    expect(namesIn(join(host.root, 'd'))).toContain('a');
    expect(namesIn(join(host.root, 'd'))).not.toContain('real\ufffd');
  });
});
