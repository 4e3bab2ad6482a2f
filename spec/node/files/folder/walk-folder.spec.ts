import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { maxPathLevels } from '../../../../lib/bounds.js';
import { NamedFolder } from '../../../../lib/node/files/disk/held-folder.js';
import { RootFolder } from '../../../../lib/node/files/folder/root-folder.js';
import {
  filesIn,
  walk,
  walkChunks,
  type Chunk,
  type Unread,
  type WalkOptions,
} from '../../../../lib/node/files/folder/walk-folder.js';
import { diskPace } from '../../../../lib/node/files/disk/disk-pace.js';
import { ownName, partialName, temporaryName } from '../../../../lib/node/files/disk/temporary.js';
import { descriptorsIn } from '../../../support/files/descriptors.js';

let folder: string;
let root: RootFolder;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'rxgrid-walk-')));
  mkdirSync(join(folder, 'root'));
  root = new RootFolder(join(folder, 'root'));
});

afterEach(() => {
  // However a walk ends, its folders are closed.
  expect(descriptorsIn(folder)).toStrictEqual([]);
  rmSync(folder, { recursive: true });
});

const at = (path: string): string => join(root.path, path);
const files = (...paths: string[]): void => {
  for (const path of paths) {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), path);
  }
};
const chunks = (options: Partial<WalkOptions> = {}): AsyncGenerator<Chunk | Unread> =>
  walkChunks(root, { real: root.path, name: 'the top', recursive: true, chunkEntries: 100, ...options });

/** What a walk yields: a path with the names of the entries, or with the code of the failure. */
async function found(walked: AsyncIterable<Chunk | Unread>): Promise<string[]> {
  const log: string[] = [];
  for await (const one of walked) log.push(shown(one));
  return log;
}

function shown(one: Chunk | Unread): string {
  if ('failure' in one) return `${one.path}: ${one.failure.code} of ${one.failure.path}`;
  const names = one.entries.map(({ name }) => name).sort();
  return `${one.path}${one.first ? '' : ' (more)'}: ${names.join(' ')}`;
}

const pause = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15);
};

describe.each(['a quick disk', 'a slow disk'])('the chunks of a folder, on %s', (disk) => {
  beforeEach(() => {
    while (!diskPace.takeQuick());
    if (disk === 'a slow disk') diskPace.measure(pause);
  });

  it('list its entries, then those of its folders, parents before children', async () => {
    files('1', '2', 'a/3', 'a/b/4');
    mkdirSync(at('a/empty'));
    const log = await found(chunks());
    expect(log[0]).toBe(': 1 2 a');
    expect(log[1]).toBe('a: 3 b empty');
    expect(log.slice(2).sort()).toStrictEqual(['a/b: 4', 'a/empty: ']);
  });

  it('list a single folder without recursive', async () => {
    files('1', 'a/2');
    expect(await found(chunks({ recursive: false }))).toStrictEqual([': 1 a']);
    expect(await found(chunks({ real: at('a'), recursive: false }))).toStrictEqual([': 2']);
  });

  it.each([1, 2, 3, 5, 6])('have a bounded number of entries, and lose none between two: %d', async (chunkEntries) => {
    files('1', '2', '3', '4', '5');
    const seen: string[] = [];
    const sizes: number[] = [];
    const firsts: boolean[] = [];
    for await (const chunk of chunks({ chunkEntries })) {
      if ('failure' in chunk) throw chunk.failure;
      seen.push(...chunk.entries.map(({ name }) => name));
      sizes.push(chunk.entries.length);
      firsts.push(chunk.first);
    }
    expect(seen.sort()).toStrictEqual(['1', '2', '3', '4', '5']);
    expect(Math.max(...sizes)).toBe(Math.min(chunkEntries, 5));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(firsts).toStrictEqual(firsts.map((_, index) => index === 0));
  });

  it('omit files that are being received, unless requested', async () => {
    const own = [ownName('x'), partialName('x'), temporaryName('x')];
    files('a', ...own);
    files(...own.map((name) => `only-own/${name}`));
    const log = await found(chunks());
    expect(log).toStrictEqual([': a only-own', 'only-own: ']);
    expect((await found(chunks({ temporaries: true }))).sort()).toStrictEqual(
      [`: ${[...own, 'a', 'only-own'].sort().join(' ')}`, `only-own: ${[...own].sort().join(' ')}`].sort(),
    );
  });

  it('do not follow links', async () => {
    files('a/1');
    mkdirSync(join(folder, 'outside'));
    writeFileSync(join(folder, 'outside/secret'), '');
    symlinkSync('a', at('link'));
    symlinkSync(join(folder, 'outside'), at('out'));
    symlinkSync('..', at('a/up'));
    expect(await found(chunks())).toStrictEqual([': a link out', 'a: 1 up']);
  });

  it('do not enter a link that replaced a folder meanwhile', async () => {
    files('a/1');
    mkdirSync(join(folder, 'outside'));
    writeFileSync(join(folder, 'outside/secret'), '');
    const walked = chunks();
    await walked.next();
    renameSync(at('a'), at('gone'));
    symlinkSync(join(folder, 'outside'), at('a'));
    expect(await found(walked)).toStrictEqual(['a: file-outside-root of a']);
  });

  it('continue after a folder that cannot be read', async () => {
    files('a/1', 'b/2', 'c/3');
    const walked = chunks();
    await walked.next();
    rmSync(at('b'), { recursive: true });
    expect((await found(walked)).sort()).toStrictEqual(['a: 1', 'b: file-not-found of b', 'c: 3']);
  });

  it('fail for a missing folder, named as by the user', async () => {
    expect(await found(chunks({ real: at('none') }))).toStrictEqual([': file-not-found of the top']);
    files('file');
    expect(await found(chunks({ real: at('file') }))).toStrictEqual([': file-not-found of the top']);
    expect(await found(chunks({ real: folder }))).toStrictEqual([': file-outside-root of the top']);
  });

  it('leave no folder open that opens and cannot be read', async () => {
    files('file');
    let open = 0;
    class Unreadable extends NamedFolder {
      override close(): void {
        open--;
      }
    }
    root.openFolderHandle = () => {
      open++;
      return new Unreadable(at('file'));
    };
    expect(await found(chunks())).toStrictEqual([': file-not-found of the top']);
    expect(open).toBe(0);
  });

  it('are as deep as a path may be', async () => {
    const deepest = Array<string>(maxPathLevels).fill('d').join('/');
    mkdirSync(at(deepest), { recursive: true });
    const log = await found(chunks());
    // A file in the folder that is left out would have one level more than a path may have.
    expect(log).toHaveLength(maxPathLevels + 1);
    expect(log.at(-1)).toBe(`${deepest}: file-path of ${deepest}`);
    expect(log.at(-2)).toBe(`${deepest.slice(0, -2)}: d`);
  });

  it('close their folders where the caller stops', async () => {
    files('a/b/1', 'a/b/2', 'a/c/3', '4', '5');
    for (const stopAfter of [1, 2, 3, 4]) {
      let count = 0;
      for await (const _ of chunks({ chunkEntries: 1 })) if (++count === stopAfter) break;
      expect(descriptorsIn(folder)).toStrictEqual([]);
    }
  });

  it('hold one folder open at a time', async () => {
    files('a/b/c/1', 'a/2', '3');
    for await (const chunk of chunks()) {
      // Its handle, and the directory that is being read; none of those above.
      const open = new Set(descriptorsIn(folder));
      expect([...open]).toStrictEqual(open.size === 0 ? [] : [at(chunk.path).replace(/\/$/, '')]);
    }
  });
});

describe('a walk', () => {
  const all = async (wanted: Partial<Parameters<typeof walk>[2]> = {}): Promise<unknown[]> => {
    const log: unknown[] = [];
    for await (const one of walk(root, root.path, { path: 'the/top', recursive: true, ...wanted })) {
      if ('failure' in one) log.push(one.failure.code);
      else if ('folder' in one) log.push([one.path, one.stats === undefined ? undefined : one.stats.mtimeMs]);
      else
        log.push(
          filesIn(one)
            .map(({ path, real }) => `${path} ${real.slice(root.path.length)}`)
            .sort(),
        );
    }
    return log;
  };

  it('yields files with their paths in the stream, and a header for each empty folder', async () => {
    files('1', 'a/2', 'a/3');
    mkdirSync(at('a/empty'));
    expect(await all()).toStrictEqual([['1 /1'], ['a/2 /a/2', 'a/3 /a/3'], ['a/empty/', undefined]]);
    expect(await all({ as: 'in' })).toStrictEqual([
      ['in/1 /1'],
      ['in/a/2 /a/2', 'in/a/3 /a/3'],
      ['in/a/empty/', undefined],
    ]);
  });

  it('yields all folders with their attributes on request, each once and before its files', async () => {
    files(...Array.from({ length: 70 }, (_, n) => `a/${String(n)}`));
    utimesSync(at('a'), 5, 5);
    const log = await all({ folders: true });
    expect(log[0]).toStrictEqual(['a/', 5_000]);
    expect(log.filter((one) => (one as unknown[])[0] === 'a/')).toHaveLength(1);
    expect(log.slice(1).flat()).toHaveLength(70);
    expect(await all({ folders: true, as: 'in' })).toContainEqual(['in/a/', 5_000]);
  });

  it('skips entries that are not files, and does not treat a folder of links as an empty one', async () => {
    files('1');
    mkdirSync(at('links'));
    symlinkSync('../1', at('links/one'));
    symlinkSync('1', at('two'));
    expect(await all()).toStrictEqual([['1 /1']]);
    rmSync(at('links/one'));
    expect(await all()).toStrictEqual([['1 /1'], ['links/', undefined]]);
    rmdirSync(at('links'));
  });
});
