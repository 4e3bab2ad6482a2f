import { exitCodes } from './exit-codes.js';
import { Failure } from './failure.js';

/**
 * Standard output cannot be written. Where its reader is gone (`| head`), there is no message, as for a tool that
 * SIGPIPE ends. Any other cause is named: a result that is lost must not look like success.
 */
export class OutputLost extends Failure {
  /** `cause`: the error of the stream. */
  constructor(cause: NodeJS.ErrnoException) {
    const { code, message } = cause;
    // A socket whose other side closes with unread data reports ECONNRESET.
    if (code === 'EPIPE' || code === 'ECONNRESET') super('', exitCodes.brokenPipe);
    else super(`standard output cannot be written (${code ?? message}).`, exitCodes.failed);
  }
}
