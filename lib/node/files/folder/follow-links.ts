import { lstat, lstatSync, readlink, readlinkSync, type Stats } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { FileNotFoundError, FileOutsideRootError, NotRegularFileError } from '../../../files/file-error.js';
import { quoted } from '../../../files/peer-path.js';
import { maxLinksFollowed } from '../../../limits.js';
import { diskPace } from '../receive/disk-pace.js';
import { toFileError } from './system-error.js';

const lstatOf = promisify(lstat);
const readlinkOf = promisify(readlink);

/** A path to follow. */
export interface Following {
  /** The folder that is not left, without symbolic links. */
  readonly root: string;
  /** How an absolute link within the root may begin. */
  readonly spellings: readonly string[];
  /** The path below the root, as `peerParts` gives it. */
  readonly parts: readonly string[];
  /** Names the path in errors. */
  readonly path: string;
  /** Called for what is not there, to make it. Default: FileNotFoundError. */
  readonly missing?: (parent: string, name: string) => void;
}

/**
 * Where a path leads, all symbolic links followed. A link that leads out of the root is not followed by a single step: the
 * answer says what the link says, and nothing about what is there.
 *
 * @throws FileError
 */
export async function followLinks(following: Following): Promise<string> {
  const steps = follow(following);
  try {
    if (diskPace.quick) {
      return diskPace.measure(() => {
        let step = steps.next();
        while (step.done !== true) step = steps.next(lookNow(step.value));
        return step.value;
      });
    }
    let step = steps.next();
    while (step.done !== true) step = steps.next(await look(step.value));
    return step.value;
  } catch (error) {
    throw toFileError(error, following.path);
  }
}

/** What has a name: undefined, the target of a link, or something else. */
type Look = { readonly link: string | undefined } | undefined;

/** Yields paths to look at. */
function* follow({ root, spellings, parts, path, missing }: Following): Generator<string, string, Look> {
  const left = [...parts].reverse();
  const real: string[] = [];
  let links = 0;
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      // Of a link: what it leads from has no links any more.
      if (real.pop() === undefined) throw outside(path);
      continue;
    }
    const parent = join(root, ...real);
    const found = yield join(parent, part);
    if (found === undefined) {
      if (missing === undefined) throw new FileNotFoundError(`There is no ${quoted(path)}.`, path);
      missing(parent, part);
    }
    if (found?.link === undefined) {
      real.push(part);
      continue;
    }
    if (++links > maxLinksFollowed) {
      throw new NotRegularFileError(`${quoted(path)} has symbolic links that lead to each other.`, path);
    }
    const below = belowRoot(found.link, spellings);
    if (below === undefined) throw outside(path);
    if (below !== found.link) real.length = 0;
    left.push(...below.split(sep).reverse());
  }
  return join(root, ...real);
}

/** A link's target: as it is where it is relative; of an absolute one what is behind the root; undefined where it is elsewhere. */
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
  return new FileOutsideRootError(
    `${quoted(path)} leads out of the folder that is served, through a symbolic link.`,
    path,
  );
}

function lookNow(path: string): Look {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : { link: stats.isSymbolicLink() ? readlinkSync(path) : undefined };
}

async function look(path: string): Promise<Look> {
  let stats: Stats;
  try {
    stats = await lstatOf(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return { link: stats.isSymbolicLink() ? await readlinkOf(path) : undefined };
}
