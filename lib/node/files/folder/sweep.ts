import type { Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Lifetime } from '../../../contract/handler.js';
import { temporaryFileAge, temporarySweepInterval } from '../../../limits.js';
import { systemRuntime, type Runtime } from '../../../runtime.js';
import { isOwnName } from '../../../files/peer-path.js';
import { isOwned } from '../receive/owner.js';
import type { FolderHandle } from './held-folder.js';
import type { RootFolder } from './root-folder.js';
import { walkChunks } from './walk-folder.js';

const ownForm = /^(.+)\.[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-z]+-[0-9a-z]+-[0-9a-z]+\.rxgrid-own$/s;

/**
 * Sweeps a folder at once, and then again after each pause of {@link temporarySweepInterval}, until the end of `lifetime`.
 * What fails is tried again the next time. `swept` is called after each sweep.
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

/** As {@link Runtime.schedule}; but on the platform's clock the process may end while the task waits. */
function schedule(runtime: Runtime, task: () => void, ms: number): () => void {
  if (runtime !== systemRuntime) return runtime.schedule(task, ms);
  const timer = setTimeout(task, ms).unref();
  return () => {
    clearTimeout(timer);
  };
}

function nothing(): void {
  // Nobody waits for a sweep.
}

/**
 * Removes what processes have left that were killed, and what nobody has continued for a day. What a killed process has
 * left that can be continued becomes a part again, unless it is empty, or the file has been completed since. Files of a
 * process that runs are left alone; where that cannot be known, their age counts. `stopped` ends the sweep early. The
 * result is how many were removed.
 */
export async function sweepTemporaries(
  root: RootFolder,
  now: number = Date.now(),
  stopped: () => boolean = () => false,
): Promise<number> {
  let removed = 0;
  const options = { real: root.path, name: '', recursive: true, chunkEntries: 64, temporaries: true };
  for await (const chunk of walkChunks(root, options)) {
    // What cannot be read is not for this process to sweep.
    if ('failure' in chunk) continue;
    for (const { name } of chunk.entries) {
      if (isOwnName(name) && sweepOne(chunk.folder, name, now)) removed++;
    }
    await setImmediate();
    if (stopped()) break;
  }
  return removed;
}

/** False for what has no bytes, and where the file was completed after this was written: nobody will ask for the rest. */
function isWorthContinuing(folder: FolderHandle, beginning: string, left: Stats): boolean {
  if (left.size === 0) return false;
  // Not by the times of changes, which are those of the originals.
  const whole = folder.look(beginning.slice(1));
  return whole === undefined || whole.ctimeMs <= left.ctimeMs;
}

function sweepOne(folder: FolderHandle, name: string, now: number): boolean {
  try {
    const stats = folder.look(name);
    if (stats?.isFile() !== true) return false;
    const owned = isOwned(name);
    if (owned === true) return false;
    const isOld = now - stats.mtimeMs > temporaryFileAge;
    const [, beginning] = ownForm.exec(name) ?? [];
    if (owned === false && !isOld && beginning !== undefined && isWorthContinuing(folder, beginning, stats)) {
      const part = `${beginning}.rxgrid-part`;
      if (folder.look(part) === undefined) {
        folder.rename(name, part);
        return false;
      }
    } else if (owned !== false && !isOld) return false;
    folder.remove(name);
    return true;
  } catch {
    // It is gone, or not ours to remove.
    return false;
  }
}
