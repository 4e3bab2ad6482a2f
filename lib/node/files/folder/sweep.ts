import type { Stats } from 'node:fs';
import { lstat, opendir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Lifetime } from '../../../contract/handler.js';
import { temporaryFileAge, temporarySweepInterval } from '../../../bounds.js';
import { systemRuntime, type Runtime } from '../../../runtime.js';
import { isOwnName } from '../../../files/peer-path.js';
import { isOwned } from '../disk/owner.js';
import type { FolderHandle } from '../disk/held-folder.js';
import type { RootFolder } from './root-folder.js';
import { walkChunks } from './walk-folder.js';

const ownForm = /^(.+)\.[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-z]+-[0-9a-z]+-[0-9a-z]+\.rxgrid-own$/s;

/**
 * Sweeps a folder at once, and again {@link temporarySweepInterval} after the end of each sweep, until the end of
 * `lifetime`. Failures are left to the next sweep. `swept` is called after each one.
 */
export function sweepRepeatedly(root: RootFolder, { runtime, closed$ }: Lifetime, swept: () => void = nothing): void {
  const end = new AbortController();
  const closed = (): boolean => end.signal.aborted;
  let cancel: () => void = nothing;
  const sweep = async (): Promise<void> => {
    await sweepTemporaries(root, runtime.wallNow(), closed).catch(nothing);
    if (!closed()) cancel = schedule(runtime, () => void sweep(), temporarySweepInterval);
    swept();
  };
  closed$.subscribe({
    complete: () => {
      end.abort();
      cancel();
    },
  });
  if (!closed()) void sweep();
}

/** {@link Runtime.schedule}, except that a timer of the platform does not keep the process alive. */
function schedule(runtime: Runtime, task: () => void, ms: number): () => void {
  if (runtime !== systemRuntime) return runtime.schedule(task, ms);
  const timer = setTimeout(task, ms).unref();
  return () => {
    clearTimeout(timer);
  };
}

function nothing(): void {
  // The default of `swept`.
}

/**
 * Removes the temporary files of processes that were killed, and parts that were not continued for a day. A resumable
 * file of a killed process becomes a part again, unless it is empty or the file was completed since. Files of running
 * processes are left alone; where that cannot be known, the age of the file decides. `stopped` ends the sweep early.
 * The result is the number of files removed.
 */
export async function sweepTemporaries(
  root: RootFolder,
  now: number = Date.now(),
  stopped: () => boolean = () => false,
): Promise<number> {
  let removed = 0;
  const options = { real: root.path, name: '', recursive: true, chunkEntries: 64, temporaries: true };
  for await (const chunk of walkChunks(root, options)) {
    // A folder that this process cannot read is not its own to sweep.
    if ('failure' in chunk) continue;
    for (const { name } of chunk.entries) {
      if (isOwnName(name) && sweepOne(chunk.folder, name, now)) removed++;
    }
    await setImmediate();
    if (stopped()) break;
  }
  return removed;
}

/**
 * Removes the temporary files of killed processes of this system from one folder, and leaves what can be continued.
 * Errors: the system's.
 */
export async function sweepKilled(path: string): Promise<void> {
  for await (const { name } of await opendir(path)) {
    if (!isOwnName(name) || !name.endsWith('.rxgrid-tmp')) continue;
    const file = join(path, name);
    const stats = await lstat(file).catch(nothing);
    if (stats?.isFile() === true && isOwned(name, () => stats.mtimeMs) === false) await unlink(file).catch(nothing);
  }
}

/** False for an empty file, and where the complete file is newer: no transfer will ask for the rest then. */
function isWorthContinuing(folder: FolderHandle, beginning: string, left: Stats): boolean {
  if (left.size === 0) return false;
  // Not by mtime, which is that of the original.
  const whole = folder.lstat(beginning.slice(1));
  return whole === undefined || whole.ctimeMs <= left.ctimeMs;
}

function sweepOne(folder: FolderHandle, name: string, now: number): boolean {
  try {
    const stats = folder.lstat(name);
    if (stats?.isFile() !== true) return false;
    const owned = isOwned(name, () => stats.mtimeMs);
    if (owned === true) return false;
    const isOld = now - stats.mtimeMs > temporaryFileAge;
    const [, beginning] = ownForm.exec(name) ?? [];
    if (owned === false && !isOld && beginning !== undefined && isWorthContinuing(folder, beginning, stats)) {
      const part = `${beginning}.rxgrid-part`;
      if (folder.lstat(part) === undefined) {
        folder.rename(name, part);
        return false;
      }
    } else if (owned !== false && !isOld) return false;
    folder.remove(name);
    return true;
  } catch {
    // The file is gone, or may not be removed.
    return false;
  }
}
