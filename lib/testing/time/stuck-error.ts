import { realWork } from './real-work.js';

/** Virtual time cannot go on, or may not. `gridTest` adds what its test waits for. */
export class StuckError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StuckError';
  }
}

/** A sentence, after a space, on work that virtual time does not see. */
export function holdHint(): string {
  const open = new Set(realWork().open);
  const what = open.size === 0 ? '' : ` Open in this process: ${[...open].join(', ')}.`;
  return ` Time does not wait for sockets, crypto, child processes and timers of node:timers: wrap such work in hold().${what}`;
}
