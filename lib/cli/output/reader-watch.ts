import { setInterval } from 'node:timers';
import type { Foreign } from '../../node/kernel/foreign.js';
import { loadKoffi } from '../../node/kernel/load-koffi.js';
import { exitCodes } from '../exit/exit-codes.js';

/** How often the reader is looked for, in ms. */
const interval = 500;

// As poll(2) reports them, asked for or not: an error, a hang-up. A pipe without a reader has the one or the other.
const [pollErr, pollHup] = [0x08, 0x10];

/**
 * From now on ends the process when the reader of standard output goes. A command that writes now and then finds out by its next
 * write; one that may have nothing to write for hours would hold the shell for so long, as `rxgrid events | head -1` did. Node
 * has no way to ask, so poll(2) is called where koffi is installed; elsewhere the next write tells.
 */
export function endWithReader(): void {
  loadKoffi().then(
    (foreign) => {
      const isGone = readerCheck(foreign, 1);
      setInterval(() => {
        if (isGone()) process.exit(exitCodes.brokenPipe);
      }, interval).unref();
    },
    () => undefined,
  );
}

/** Whether nobody can read any more what is written to the descriptor. */
export function readerCheck(foreign: Foreign, descriptor: number): () => boolean {
  if (process.platform === 'win32') return () => false;
  const poll = foreign.load(null).func('int poll(int16_t *descriptors, unsigned long count, int timeout)');
  // struct pollfd: the descriptor as an int, what is asked for, and what is the case.
  const bytes = new ArrayBuffer(8);
  new Int32Array(bytes)[0] = descriptor;
  const entry = new Int16Array(bytes);
  return () => poll(entry, 1, 0) > 0 && (entry[3]! & (pollErr | pollHup)) !== 0;
}
