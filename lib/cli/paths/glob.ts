/*
 * Patterns for names and paths: `*`, `?`, `[a-z]` and `**`. They are not turned into regular expressions, because the
 * names are those of a host: a name can be made for which an expression with some stars takes hours. The time here is
 * at most that of each character of the path with each one of the pattern.
 */

/** An element of a pattern: accepts one character, or stands for any number of any characters. */
type Element = ((character: string) => boolean) | typeof anyCharacters;

const anyCharacters = Symbol('*');
/** Any number of folders. */
const anyFolders = Symbol('**');

type Part = readonly Element[] | typeof anyFolders;

/** True for a path with `*`, `?` or `[` in it. */
export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/** Matches names with a pattern: `*`, `?` and `[a-z]`, within one name. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const elements = elementsOf(pattern);
  return (name) => !name.includes('/') && matchesName(elements, Array.from(name));
}

/**
 * Matches paths with a list of patterns: as in a `.gitignore`, a pattern without a slash is for names in any folder,
 * and one with a slash is for paths from the source on. `**` goes through folders. Undefined where there are no
 * patterns.
 */
export function pathMatcher(patterns: readonly string[]): ((path: string) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const globs = patterns.map((pattern): readonly Part[] => {
    const parts = pattern
      .replace(/^\.\/+(?=.)/, '')
      .split('/')
      .filter((part) => part !== '');
    const anywhere = !pattern.replace(/\/+$/, '').includes('/');
    return [...(anywhere ? [anyFolders] : []), ...parts.map(partOf)] as readonly Part[];
  });
  return (path) => {
    const names = path.split('/').map((name) => Array.from(name));
    return globs.some((parts) => matchesPath(parts, names));
  };
}

function partOf(part: string): Part {
  return part === '**' ? anyFolders : elementsOf(part);
}

function elementsOf(pattern: string): readonly Element[] {
  const elements: Element[] = [];
  const characters = Array.from(pattern);
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index]!;
    if (character === '*') {
      if (elements.at(-1) !== anyCharacters) elements.push(anyCharacters);
    } else if (character === '?') elements.push(() => true);
    else if (character === '[') {
      // A `]` that is the first in its set is one of it.
      const from = index + ('!^'.includes(characters[index + 1] ?? ' ') ? 2 : 1);
      const end = characters.indexOf(']', from + 1);
      elements.push(end < 0 ? is(character) : oneOf(characters.slice(from, end), from > index + 1));
      if (end >= 0) index = end;
    } else if (character === '\\' && index + 1 < characters.length) elements.push(is(characters[++index]!));
    else elements.push(is(character));
  }
  return elements;
}

function is(wanted: string): Element {
  return (character) => character === wanted;
}

/** A set such as `[a-z_]`, or `[!a-z_]` for all others. */
function oneOf(set: readonly string[], others: boolean): Element {
  const ranges: (readonly [from: string, to: string])[] = [];
  for (let index = 0; index < set.length; index++) {
    const from = set[index]!;
    const isRange = set[index + 1] === '-' && index + 2 < set.length;
    ranges.push([from, isRange ? set[index + 2]! : from]);
    if (isRange) index += 2;
  }
  const codeOf = (character: string): number => character.codePointAt(0)!;
  return (character) => {
    const code = codeOf(character);
    return ranges.some(([from, to]) => codeOf(from) <= code && code <= codeOf(to)) !== others;
  };
}

/** The parts of a pattern that match up to each name: a set of states, so that no name is tried in two ways. */
function matchesPath(parts: readonly Part[], names: readonly (readonly string[])[]): boolean {
  let reached = withFolders(parts, new Set([0]));
  for (const name of names) {
    const next = new Set<number>();
    for (const at of reached) {
      const part = parts[at];
      if (part === anyFolders) next.add(at);
      else if (part !== undefined && matchesName(part, name)) next.add(at + 1);
    }
    reached = withFolders(parts, next);
  }
  return reached.has(parts.length);
}

/** `**` may stand for no folder at all. */
function withFolders(parts: readonly Part[], reached: Set<number>): Set<number> {
  // The loop visits the elements that it adds, too.
  for (const at of reached) if (parts[at] === anyFolders) reached.add(at + 1);
  return reached;
}

/** Matches a name. Where it goes on wrongly, only the last `*` takes one character more: an earlier one need not. */
function matchesName(elements: readonly Element[], name: readonly string[]): boolean {
  let [place, star, taken] = [0, -1, 0];
  for (let at = 0; at < name.length;) {
    const here = elements[place];
    if (here === anyCharacters) {
      star = place++;
      taken = at;
    } else if (here?.(name[at]!) === true) {
      place++;
      at++;
    } else if (star < 0) return false;
    else {
      place = star + 1;
      at = ++taken;
    }
  }
  while (elements[place] === anyCharacters) place++;
  return place === elements.length;
}
