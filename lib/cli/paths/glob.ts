// @ts-expect-error It has no types of its own.
import untyped from 'picomatch';

type Picomatch = (patterns: string | readonly string[], options: object) => (text: string) => boolean;
const picomatch = untyped as Picomatch;

/** Names that begin with a dot are like others; no pattern has braces, classes of POSIX, or a meaning for `!` and `(`. */
const plain = { dot: true, nobrace: true, noextglob: true, nonegate: true, posix: false };

/** True for a path with `*`, `?` or `[` in it. */
export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/** Matches names with a pattern: `*`, `?` and `[a-z]`, within one name. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  return picomatch(pattern, plain);
}

/**
 * Matches paths with a list of patterns: as in a `.gitignore`, a pattern without a slash is for names in any folder,
 * and one with a slash is for paths from the source on. `**` goes through folders. Undefined where there are no patterns.
 */
export function pathMatcher(patterns: readonly string[]): ((path: string) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const globs = patterns.map((pattern) => {
    const bare = pattern.replace(/\/+$/, '').replace(/^\/+/, '');
    return pattern.replace(/\/+$/, '').includes('/') ? bare : `**/${bare}`;
  });
  return picomatch(globs, plain);
}
