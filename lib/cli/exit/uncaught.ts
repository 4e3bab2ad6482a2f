import { inspect } from 'node:util';
import { printable } from '../../printable.js';
import { exitCodes } from './exit-codes.js';

/**
 * Ends the process for an error that nothing caught: one of rxgrid, or of the handlers that `serve` loads. Node would
 * print the line of code before it, which is a line of a bundle here.
 */
export function endByUncaught(error: unknown): void {
  const text = inspect(error, { colors: false })
    .split('\n')
    .map((line) => printable(line))
    .join('\n');
  process.stderr.write(`rxgrid: an error was not caught: ${text}\n`, () => {
    process.exit(exitCodes.failed);
  });
}
