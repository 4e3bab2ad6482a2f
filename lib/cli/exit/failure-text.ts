import { DisconnectedError, errorText, RefusedError } from '../../errors.js';
import { RejectedError } from '../../rejection.js';
import { exitCodes } from './exit-codes.js';
import { Failure } from './failure.js';

/**
 * The message for an error: what happened, and what to do. It may contain texts of the host: print it with
 * {@link printable}.
 */
export function failureText(error: unknown, resumable: boolean): string {
  if (error instanceof Failure) return error.message;
  if (error instanceof RejectedError) {
    const remedy = error.code === 'unauthenticated' ? ' Give the right token with --token-file or RXGRID_TOKEN.' : '';
    return `the host refused the connection: ${error.reason.replace(/\.?$/, '.')}${remedy}`;
  }
  if (error instanceof RefusedError) {
    if (error.code === 'unimplemented') {
      return 'the host serves no files. It has to call serveFiles(…), as rxgrid serve --root does.';
    }
    return `the host serves no files to this leaf: ${error.reason} It has to call serveFiles(…), and leaves.routes has to allow it.`;
  }
  if (error instanceof DisconnectedError) {
    return `the connection to ${error.host} is lost. ${resumable ? 'Run the same command again to continue.' : 'Run it again with --resume: what is there already is not copied again.'}`;
  }
  return errorText(error);
}

/** The exit code for an error that ends the command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Failure) return error.exitCode;
  if (error instanceof RejectedError || error instanceof RefusedError) return exitCodes.refused;
  if (error instanceof DisconnectedError) return exitCodes.disconnected;
  return exitCodes.failed;
}
