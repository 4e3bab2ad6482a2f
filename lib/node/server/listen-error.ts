import { errorText, GridError } from '../../errors.js';

/**
 * A manager cannot listen. `code` is that of the system, such as `EADDRINUSE`: the port is in use; `EACCES`: the
 * process may not listen at the port; `EADDRNOTAVAIL`: the address is none of this machine. `cause` is the error of the
 * system. The message says what to change.
 */
export class ListenError extends GridError {
  /** @internal */
  static override readonly brand: string = 'rxgrid.ListenError';
  readonly code: string;
  override readonly sent: boolean = false;

  constructor(
    local: string,
    { port, host }: { readonly port: number; readonly host?: string | undefined },
    cause: Error,
  ) {
    const { code } = cause as NodeJS.ErrnoException;
    const at = `port ${String(port)}`;
    const address = host === undefined ? 'all addresses' : `the address ${host}`;
    const texts: Readonly<Record<string, string>> = {
      EADDRINUSE: `${at} is in use. Stop the other process, or give listen({ port }) another one`,
      EACCES: `this process may not listen at ${at}. Give listen({ port }) one from 1024 on, or give the process the right to it`,
      EADDRNOTAVAIL: `${address} is not of this machine. Give listen({ address }) one that is, or '::' for all of them`,
    };
    const text =
      texts[code ?? ''] ??
      `${errorText(cause)}. It was to listen at ${at} of ${address}; see listen({ port, address })`;
    super(`${local} cannot listen: ${text}.`, { cause });
    this.code = code ?? 'listen';
  }
}
