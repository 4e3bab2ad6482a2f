import { clearInterval, setInterval } from 'node:timers';
import type { Foreign } from '../../node/kernel/foreign.js';
import { loadKoffi } from '../../node/kernel/load-koffi.js';

/** How often the reader is looked for, in ms. */
const interval = 500;

// As poll(2) reports them, asked for or not: an error, a hang-up. A pipe without a reader has the one or the other.
const [pollErr, pollHup] = [0x08, 0x10];

/**
 * From now on standard output fails when its reader goes, as it does at the next write, which ends the command. One
 * that may have nothing to write for hours would hold the shell for so long, as `rxgrid events | head -1` did. Node has
 * no way to ask whether there is a reader, so poll(2) is called where koffi is installed; elsewhere the next write
 * fails.
 */
export function failWithoutReader(): void {
  loadKoffi().then(
    (foreign) => {
      const isGone = readerCheck(foreign, 1);
      const timer = setInterval(() => {
        if (!isGone()) return;
        clearInterval(timer);
        process.stdout.emit('error', Object.assign(new Error('the reader is gone'), { code: 'EPIPE' }));
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
