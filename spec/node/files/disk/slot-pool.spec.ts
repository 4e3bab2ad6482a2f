import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { CancelledError } from '../../../../lib/errors.js';
import { FileBusyError } from '../../../../lib/files/file-error.js';
import { maxOpensWaiting } from '../../../../lib/bounds.js';
import { SlotPool, slotsWithin, type ReleaseSlot } from '../../../../lib/node/files/disk/slot-pool.js';

/** Takes a slot, and notes who has one. */
function taker(files: SlotPool): {
  take(peer: string, signal?: AbortSignal): Promise<void>;
  had: string[];
  release(): void;
} {
  const releases: ReleaseSlot[] = [];
  const had: string[] = [];
  return {
    had,
    async take(peer, signal) {
      releases.push(await files.take(peer, signal));
      had.push(peer);
    },
    release: () => {
      releases.shift()!();
    },
  };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('slots for open files', () => {
  it('are awaited by many files of one call with one listener: Node warns about more than ten', async () => {
    const abort = new AbortController();
    const { take } = taker(new SlotPool(1, 1, { what: 'files', option: 'maxOpenFilesPerPeer' }));
    await take('a');
    const waiting = Array.from({ length: 12 }, () => take('a', abort.signal));
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
    abort.abort();
    for (const one of waiting) await expect(one).rejects.toThrow(CancelledError);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
  });

  it('are granted at once while some are free, and then in order', async () => {
    const { take, had, release } = taker(new SlotPool(2, 2, { what: 'files', option: 'maxOpenFilesPerPeer' }));
    for (const peer of ['a', 'b', 'c', 'd']) void take(peer);
    await turn();
    expect(had).toStrictEqual(['a', 'b']);
    release();
    await turn();
    expect(had).toStrictEqual(['a', 'b', 'c']);
    release();
    release();
    await turn();
    expect(had).toStrictEqual(['a', 'b', 'c', 'd']);
  });

  it('are bounded per peer, and one peer does not block the others', async () => {
    const { take, had, release } = taker(new SlotPool(3, 1, { what: 'files', option: 'maxOpenFilesPerPeer' }));
    for (const peer of ['a', 'a', 'a', 'b']) void take(peer);
    await turn();
    expect(had).toStrictEqual(['a', 'b']);
    release();
    await turn();
    expect(had).toStrictEqual(['a', 'b', 'a']);
  });

  it('are neither awaited nor lost after a cancel', async () => {
    const files = new SlotPool(1, 1, { what: 'files', option: 'maxOpenFilesPerPeer' });
    const release = await files.take('a');
    const cancel = new AbortController();
    const waiting = files.take('a', cancel.signal);
    const next = files.take('a');
    cancel.abort();
    await expect(waiting).rejects.toBeInstanceOf(CancelledError);
    await expect(files.take('a', cancel.signal)).rejects.toBeInstanceOf(CancelledError);
    release();
    // Twice is once.
    release();
    const second = await next;
    const third = files.take('a');
    expect(third).toBeInstanceOf(Promise);
    second();
    (await third)();
    expect(typeof files.take('a')).toBe('function');
  });

  it('are refused where too many files wait already', async () => {
    const files = new SlotPool(1, 1, { what: 'files', option: 'maxOpenFilesPerPeer' });
    await files.take('a');
    for (let count = 0; count < maxOpensWaiting; count++) void files.take('a');
    await expect(files.take('a')).rejects.toBeInstanceOf(FileBusyError);
  });
});

it('a process with few descriptors opens few files at once', () => {
  expect([64, 32, 1_024, Infinity].map((limit) => slotsWithin(256, limit))).toStrictEqual([16, 2, 256, 256]);
});
