import { expect, it } from '@jest/globals';
import { FileNotFoundError } from '../../../../lib/files/file-error.js';
import { maxPathBytes } from '../../../../lib/bounds.js';
import type { OneFile, Walked } from '../../../../lib/node/files/folder/walk-folder.js';
import { withValidPaths } from '../../../../lib/node/files/send/stream-path.js';

const wanted = { path: 'a' };

/** The paths of the leaves, or the codes of their failures. */
function pathsOf(leaf: OneFile | Walked): string[] {
  return [...withValidPaths(leaf)].flatMap((one) => {
    if ('failure' in one) return [`${one.failure.code} ${one.path}`];
    return 'names' in one ? one.names.map((name) => one.prefix + name) : [one.path];
  });
}

it.each([
  ['a', 'a'],
  ['a/b', 'a/b'],
  ['x'.repeat(maxPathBytes), 'x'.repeat(maxPathBytes)],
  ['a/', 'file-not-regular a/'],
  ['', 'file-path '],
  ['./.', 'file-path ./.'],
  ['a\0', 'file-path a\0'],
  ['.a.rxgrid-part', 'file-path .a.rxgrid-part'],
  ['../a', 'file-outside-root ../a'],
  ['/a', 'file-outside-root /a'],
])('a file at %j', (path, result) => {
  expect(pathsOf({ path, wanted })).toStrictEqual([result]);
});

it('a folder, which ends with a slash', () => {
  expect(pathsOf({ path: 'a/b/', folder: true, stats: undefined })).toStrictEqual(['a/b/']);
  expect(pathsOf({ path: '../b/', folder: true, stats: undefined })).toStrictEqual(['file-outside-root ../b/']);
});

it('the files of a folder: those whose path is too long fail, and the others stay together', () => {
  const prefix = `${'x'.repeat(maxPathBytes - 3)}/`;
  const part = { real: '/r', prefix, names: ['a', 'bc', 'def', 'g'], wanted };
  const [failure, rest] = [...withValidPaths(part)].filter((one) => !('failure' in one) || one.path.endsWith('def'));
  expect(failure).toMatchObject({ path: `${prefix}def`, failure: { code: 'file-path' } });
  expect(rest).toStrictEqual({ ...part, names: ['a', 'bc', 'g'] });
  expect(pathsOf({ ...part, names: ['def'] })).toStrictEqual([`file-path ${prefix}def`]);
});

it('a failure is unchanged, whatever its path', () => {
  const leaf = { path: '/x', failure: new FileNotFoundError('It is gone.', '/x') };
  expect([...withValidPaths(leaf)]).toStrictEqual([leaf]);
});
