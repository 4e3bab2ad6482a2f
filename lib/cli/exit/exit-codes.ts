/** Exit codes of the command. Those of signals are 128 and the signal's number, as in a shell. */
export const exitCodes = {
  /** Everything that was asked for is done. */
  done: 0,
  /** The command failed, and nothing was done. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The connection could not be made, or was lost. */
  disconnected: 3,
  /** The host refused the token, or serves no files to this leaf. */
  refused: 4,
  /** A part of what was asked for failed. */
  partly: 5,
  hangup: 129,
  interrupted: 130,
  /** The reader of standard output is gone. */
  brokenPipe: 141,
  terminated: 143,
} as const;
