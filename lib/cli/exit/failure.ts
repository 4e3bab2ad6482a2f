import { exitCodes } from './exit-codes.js';

export { exitCodes } from './exit-codes.js';

/** Ends the command with a text for the user. An empty text: nothing is printed. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
