import { printable } from '../../printable.js';
import { exitCodeOf, failureText } from './failure-text.js';
import { Interruption } from './interruption.js';

/** Prints in one line what ended the command. The result is its exit code. */
export function reportFailure(error: unknown): number {
  const text = failureText(error, process.argv.includes('--resume'));
  if (text !== '') process.stderr.write(`rxgrid: ${printable(text, 10_000)}\n`);
  return error instanceof Interruption ? error.exitCode : exitCodeOf(error);
}
