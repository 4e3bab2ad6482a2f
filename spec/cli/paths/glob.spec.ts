import { describe, expect, it } from '@jest/globals';
import { isGlob, nameMatcher, pathMatcher } from '../../../lib/cli/paths/glob.js';

describe('a pattern of --exclude', () => {
  it.each([
    ['node_modules', 'node_modules', true],
    ['node_modules', 'a/b/node_modules', true],
    ['node_modules/', 'a/node_modules', true],
    ['*.log', 'a/b.log', true],
    ['*.log', '.log', true],
    ['sub/a.txt', 'sub/a.txt', true],
    ['sub/a.txt', 'photos/sub/a.txt', false],
    ['/a.txt', 'a.txt', true],
    ['/a.txt', 'sub/a.txt', false],
    ['a/**/b', 'a/x/y/b', true],
    ['a?', 'ab', true],
    ['[a-c]', 'b', true],
    ['[a-c]', 'd', false],
    ['{a,b}', 'a', false],
    ['{a,b}', '{a,b}', true],
    ['!a', 'b', false],
    ['+(a)', 'aa', false],
    ['[^a]', 'b', true],
    ['[!a-c]x', 'bx', false],
    ['[!a-c]x', 'dx', true],
    ['[]a]', ']', true],
    ['[a', '[a', true],
    ['[a-]', '-', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a*', 'a', true],
    ['*', 'a/b', true],
    ['a/*', 'a/b/c', false],
    ['a/**', 'a/b/c', true],
    ['a/**', 'b/a', false],
    ['**/b', 'b', true],
    ['a/**/b', 'a/b', true],
    ['a/**/c/**/b', 'a/x/c/y/z/b', true],
    ['a/**/c/**/b', 'a/x/y/z/b', false],
    ['./a/b', 'a/b', true],
    ['*a*bc', 'xaybcbc', true],
    ['*a*bc', 'xaybcb', false],
    ['?', '\u{1f600}', true],
  ])('%j of the path %j: %s', (pattern, path, matches) => {
    expect(pathMatcher([pattern])!(path)).toBe(matches);
  });

  it.each([
    ['*a*a*a*a*a*a*a*b', 'a'.repeat(4_000)],
    ['**/**/**/**/**/**/x', 'a/'.repeat(127)],
    ['**/*a*/**/*a*/**/*a*/**/b', 'aa/'.repeat(127)],
  ])('%j takes no longer for a path crafted by a hostile host', (pattern, path) => {
    // An expression would take hours.
    expect(pathMatcher([pattern])!(path)).toBe(false);
  });

  it('can be one of several', () => {
    const matches = pathMatcher(['*.a', '*.b'])!;
    expect(['x.a', 'x.b', 'x.c'].map((path) => matches(path))).toStrictEqual([true, true, false]);
  });

  it('is not required', () => {
    expect(pathMatcher([])).toBeUndefined();
  });
});

it.each([
  ['*', 'a', true],
  ['*', '.hidden', true],
  ['*.txt', 'a.txt', true],
  ['*.txt', 'b/a.txt', false],
  ['!a', 'b', false],
  ['!a', '!a', true],
])('the glob %j matches the name %j: %s', (pattern, name, matches) => {
  expect(nameMatcher(pattern)(name)).toBe(matches);
});

it.each([
  ['a*', true],
  ['a?', true],
  ['[a]', true],
  ['a{b}', false],
])('%j is a glob: %s', (path, is) => {
  expect(isGlob(path)).toBe(is);
});
