import { DisconnectedError, GridError, RefusedError, RejectedError } from '../errors.js';
import { FileConflictError, FileCorruptError } from '../files/file-error.js';

/** Exit codes of the command. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Ends the command with a text for the user. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What the user reads of an error: what happened, and what to do. */
export function failureText(error: unknown, resumable: boolean): string {
  if (error instanceof RejectedError) {
    return `the host does not let us in: ${error.reason}. Give the right token with --token or RXGRID_TOKEN.`;
  }
  if (error instanceof RefusedError) {
    return `the host does not serve files to us: ${error.message} It has to call serveFiles(…), and leaves.routes has to allow it.`;
  }
  if (error instanceof DisconnectedError) {
    return `the connection to ${error.host} is lost. ${resumable ? 'Run the same command again to continue.' : 'Try again; with --resume a broken copy can be continued.'}`;
  }
  if (error instanceof FileCorruptError || error instanceof FileConflictError || error instanceof GridError) {
    return error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
