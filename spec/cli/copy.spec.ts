import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyIn } from '../../lib/cli/copy-in.js';
import { copyOut } from '../../lib/cli/copy-out.js';
import type { CopyContext } from '../../lib/cli/copy.js';
import type { ProgressBar } from '../../lib/cli/progress-bar.js';
import type { FileItem } from '../../lib/files/file-item.js';
import type { WantedFile } from '../../lib/files/file-routes.js';
import type { Connection } from '../../lib/contract/connection.js';
import { FilesHost } from '../support/files-host.js';

let host: FilesHost;

beforeEach(async () => {
  host = await FilesHost.start({ writable: true });
});

afterEach(async () => {
  await host.close();
});

const kinds = async function* (input: AsyncIterable<FileItem>, seen: unknown[]): AsyncGenerator<FileItem> {
  for await (const item of input) {
    seen.push(item.kind);
    yield item;
  }
};

/** A context that notes what is asked for, and what is sent. */
function contextOf(seen: unknown[], resume: boolean): CopyContext & { readonly totals: Set<number> } {
  const exchange = (...[route, request, input, options]: readonly unknown[]): unknown => {
    const noted =
      typeof input === 'function'
        ? () => kinds((input as () => AsyncIterable<FileItem>)(), seen)
        : (seen.push(...(input as Iterable<WantedFile>)), input);
    return (host.leaf.exchange as (...args: readonly unknown[]) => unknown)(route, request, noted, options);
  };
  const connection = new Proxy<Connection>(host.leaf, {
    get: (target, key) => {
      if (key === 'exchange') return exchange;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  const totals = new Set<number>();
  const bar = { shown: true, update: ({ total }: { total: number }) => totals.add(total) } as unknown as ProgressBar;
  const options = { recursive: true, resume, verify: false, fsync: false };
  const failed = (error: unknown): never => {
    throw error;
  };
  return { connection, options, bar, signal: new AbortController().signal, failed, skipped: () => undefined, totals };
}

it.each([false, true])(
  'A folder of which nothing is there goes in packs, also with a bar; resume: %s',
  async (resume) => {
    mkdirSync(join(host.root, 'x/y'), { recursive: true });
    for (const name of ['x/a', 'x/b', 'x/y/c']) writeFileSync(join(host.root, name), name);
    const target = join(host.local, 'x');
    const asked: unknown[] = [];
    const context = contextOf(asked, resume);
    await copyIn(context, 'x', target);
    expect(asked).toStrictEqual([{ path: 'x', recursive: true }]);
    expect([...context.totals]).toStrictEqual([11]);
    expect(readFileSync(join(target, 'y/c'), 'utf8')).toBe('x/y/c');
    const sent: unknown[] = [];
    await copyOut(contextOf(sent, resume), target, 'z');
    expect(sent).toStrictEqual(['pack', 'pack']);
    expect(readFileSync(join(host.root, 'z/y/c'), 'utf8')).toBe('x/y/c');
    if (!resume) return;
    // What is there is not asked for again.
    rmSync(join(target, 'a'));
    const rest: unknown[] = [];
    await copyIn(contextOf(rest, true), 'x', host.local);
    expect(rest).toStrictEqual([{ path: 'x/a', as: 'a' }]);
  },
);
