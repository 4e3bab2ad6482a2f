import { describe, expect, it } from '@jest/globals';
import { FileOutsideRootError, FilePathError } from '../../lib/files/file-error.js';
import { isOwnName, peerName, peerParts, quoted } from '../../lib/files/peer-path.js';
import { maxPathBytes, maxPathLevels } from '../../lib/bounds.js';

describe('a path from another side', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['.', []],
    ['./', []],
    ['a', ['a']],
    ['a/b/', ['a', 'b']],
    ['./a//b/./c', ['a', 'b', 'c']],
    ['...', ['...']],
    ['..a/b..', ['..a', 'b..']],
    ['．．/secret', ['．．', 'secret']],
    ['‥/x', ['‥', 'x']],
    ['%2e%2e/x', ['%2e%2e', 'x']],
    ['a\\..\\b:c', ['a\\..\\b:c']],
    ['.rxgrid-part', ['.rxgrid-part']],
  ])('%j is split into its parts', (path, parts) => {
    expect(peerParts(path)).toStrictEqual(parts);
  });

  it.each(['..', '../x', 'a/..', 'a/../../b', '/', '/etc', '//etc', './../x'])('%j leads outside', (path) => {
    expect(() => peerParts(path)).toThrow(FileOutsideRootError);
  });

  it.each(['a\\b', 'c:x', '..\\x', '\\\\server\\x'])('%j leads outside on Windows', (path) => {
    expect(() => peerParts(path, true)).toThrow(FileOutsideRootError);
  });

  it.each(['\0', 'a\0b', '.x.rxgrid-part', 'a/.x.y.rxgrid-tmp', '.x.rxgrid-own/a', '.a\nb.rxgrid-tmp'])(
    '%j cannot be used',
    (path) => {
      expect(() => peerParts(path)).toThrow(FilePathError);
    },
  );

  it.each(['', '.', './/.', '/'])('%j names nothing', (path) => {
    expect(() => peerName(path)).toThrow(path.startsWith('/') ? FileOutsideRootError : FilePathError);
  });

  it('is bounded in levels and in bytes of UTF-8', () => {
    const levels = (count: number): string => Array.from({ length: count }, () => 'a').join('/');
    expect(peerParts(levels(maxPathLevels))).toHaveLength(maxPathLevels);
    expect(() => peerParts(levels(maxPathLevels + 1))).toThrow(FilePathError);
    expect(peerParts(`./${levels(maxPathLevels)}//`)).toHaveLength(maxPathLevels);
    for (const [unit, bytes] of [
      ['a', 1],
      ['é', 2],
      ['☃', 3],
      ['𝄞', 4],
    ] as const) {
      const most = unit.repeat(Math.floor(maxPathBytes / bytes));
      expect(peerParts(most)).toStrictEqual([most]);
      expect(() => peerParts(`${most}${'a'.repeat((maxPathBytes % bytes) + 1)}`)).toThrow(FilePathError);
    }
  });

  it('is refused by its length alone, and not shown whole', () => {
    const long = 'a/'.repeat(5_000_000);
    let error: unknown;
    try {
      peerParts(long);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FilePathError);
    const { message, path } = error as FilePathError;
    expect(message.length).toBeLessThan(400);
    expect(path.length).toBeLessThan(400);
  });
});

it('a path is shown without characters that a terminal would act on', () => {
  expect(quoted('a\x1b[31m"b\n')).toBe('"a\\u001b[31m\\"b\\n"');
});

it('names of temporary files are distinguished from others', () => {
  expect(['.a.rxgrid-part', '.a.1.rxgrid-tmp', '.a.rxgrid-own'].map(isOwnName)).toStrictEqual([true, true, true]);
  expect(['a.rxgrid-part', '.rxgrid-part', '.a.rxgrid-part2', '..'].map(isOwnName)).toStrictEqual([
    false,
    false,
    false,
    false,
  ]);
});
