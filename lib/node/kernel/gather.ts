import type { Foreign } from './foreign.js';

/** Declares `struct sf_hdtr`, the head that sendfile of a BSD sends before the file. */
export function declareHead(foreign: Foreign): void {
  declareOnce(foreign, 'rxgrid_iovec', { iov_base: 'const void *', iov_len: 'size_t' });
  declareOnce(foreign, 'rxgrid_sf_hdtr', {
    headers: 'rxgrid_iovec *',
    hdr_cnt: 'int',
    trailers: 'rxgrid_iovec *',
    trl_cnt: 'int',
  });
}

/** Both builds of the package may be loaded in one process, and koffi allows one declaration of a name. */
function declareOnce(foreign: Foreign, name: string, fields: Readonly<Record<string, string>>): void {
  try {
    foreign.struct(name, fields);
  } catch {
    // It is declared already. If it is not, the declaration of the function fails, and says so.
  }
}

/** The `struct sf_hdtr` of a head; null for none. */
export function headOf(head: Uint8Array | undefined): object | null {
  if (head === undefined) return null;
  return { headers: [{ iov_base: head, iov_len: head.length }], hdr_cnt: 1, trailers: null, trl_cnt: 0 };
}
