import type { Foreign } from './foreign.js';
import type { KernelErrors } from './kernel-sender.js';

/** The numbers of this system's errors. */
export function errorsOf({ os }: Foreign): KernelErrors {
  const number = (name: string): number => {
    const value = os.errno[name];
    if (value === undefined) throw new Error(`${name} has no number here`);
    return value;
  };
  return {
    EAGAIN: number('EAGAIN'),
    EINTR: number('EINTR'),
    EPIPE: number('EPIPE'),
    ECONNRESET: number('ECONNRESET'),
  };
}
