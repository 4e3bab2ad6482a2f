import { lstat, lstatSync, readlink, readlinkSync, type Stats } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { FileNotFoundError, FileOutsideRootError, NotRegularFileError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';
import { maxLinksFollowed } from '../../../bounds.js';
import { diskPace } from '../disk/disk-pace.js';
import { toFileError } from '../disk/system-error.js';

const lstatOf = promisify(lstat);
const readlinkOf = promisify(readlink);

/** A path whose symbolic links are to be followed. */
export interface Following {
  /** The folder that no link may lead out of; it has no symbolic links itself. */
  readonly root: string;
  /** How an absolute link that stays within the root may begin. */
  readonly spellings: readonly string[];
  /** The path below the root, as `peerParts` gives it. */
  readonly parts: readonly string[];
  /** Names the path in errors. */
  readonly path: string;
  /** Called for a name that does not exist, to make it. Default: FileNotFoundError. */
  readonly missing?: (parent: string, name: string) => void;
}

/**
 * The real path of a path: all its symbolic links are followed. A link that leads out of the root is not followed at
 * all, so that the error says nothing about what exists outside.
 *
 * @throws FileError
 */
export async function followLinks(following: Following): Promise<string> {
  const steps = follow(following);
  try {
    if (diskPace.takeQuick()) {
      return diskPace.measure(() => {
        let step = steps.next();
        while (step.done !== true) step = steps.next(entrySync(step.value));
        return step.value;
      });
    }
    let step = steps.next();
    while (step.done !== true) step = steps.next(await entryOf(step.value));
    return step.value;
  } catch (error) {
    throw toFileError(error, following.path);
  }
}

/** What exists under a name: nothing (undefined), a symbolic link with its target, or anything else. */
type Entry = { readonly link: string | undefined } | undefined;

/** Yields paths whose entries it needs; its caller decides how they are read. */
function* follow({ root, spellings, parts, path, missing }: Following): Generator<string, string, Entry> {
  const left = [...parts].reverse();
  const real: string[] = [];
  let links = 0;
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      // Only the target of a link has `..`; the folders before it are resolved already.
      if (real.pop() === undefined) throw outside(path);
      continue;
    }
    const parent = join(root, ...real);
    const found = yield join(parent, part);
    if (found === undefined) {
      if (missing === undefined) throw new FileNotFoundError(`${quoted(path)} does not exist.`, path);
      missing(parent, part);
    }
    if (found?.link === undefined) {
      real.push(part);
      continue;
    }
    if (++links > maxLinksFollowed) {
      throw new NotRegularFileError(`${quoted(path)} has symbolic links that form a loop.`, path);
    }
    const below = belowRoot(found.link, spellings);
    if (below === undefined) throw outside(path);
    if (below !== found.link) real.length = 0;
    left.push(...below.split(sep).reverse());
  }
  return join(root, ...real);
}

/**
 * The target of a link relative to its folder, or, of an absolute one, to the root; undefined: it is outside the root.
 */
function belowRoot(target: string, spellings: readonly string[]): string | undefined {
  if (!isAbsolute(target)) return target;
  for (const root of spellings) {
    if (target === root) return '';
    const prefix = root === sep ? sep : root + sep;
    if (target.startsWith(prefix)) return target.slice(prefix.length);
  }
  return undefined;
}

function outside(path: string): FileOutsideRootError {
  return new FileOutsideRootError(`${quoted(path)} leads out of the served folder through a symbolic link.`, path);
}

function entrySync(path: string): Entry {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : { link: stats.isSymbolicLink() ? readlinkSync(path) : undefined };
}

async function entryOf(path: string): Promise<Entry> {
  let stats: Stats;
  try {
    stats = await lstatOf(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return { link: stats.isSymbolicLink() ? await readlinkOf(path) : undefined };
}
