// @ts-check
// The contracts: one module, imported by the hosts and by whoever calls them.
import { duplex, raw, type, unary } from 'rxgrid';

/**
 * @typedef {{ path: string }} Path Relative, with slashes.
 * @typedef {{ path: string, size: number }} Entry
 * @typedef {{ size: number, sha256: string }} Digest
 * @typedef {{ path: string, copies: number }} PutRequest `copies`: hosts that must have the file before the put is
 * done.
 * @typedef {Digest & { host: string }} Receipt
 *
 * @typedef {import('rxgrid').ConnectionStats & { status: string, connects: number }} LinkReport One connection of a
 * host.
 * @typedef {object} HostReport
 * @property {number} files
 * @property {number} bytes
 * @property {number} failedCopies Copies to another host that broke off. That host fetches them when it is back.
 * @property {number} fetched Files that this host has fetched because it lacked them.
 * @property {LinkReport[]} links
 */

/**
 * `type()` with its type given by JSDoc.
 *
 * @template T
 * @returns {import('rxgrid').TypeOnly<T>}
 */
const typed = () => type();

/** Stores a file: its bytes in, a receipt out for each host that has it. */
export const put = duplex({
  id: 1,
  name: 'put',
  request: /** @type {typeof typed<PutRequest>} */ (typed)(),
  input: raw,
  output: /** @type {typeof typed<Receipt>} */ (typed)(),
  idempotent: true,
});

/** The bytes of a file. */
export const get = duplex({
  id: 2,
  name: 'get',
  request: /** @type {typeof typed<Path>} */ (typed)(),
  output: raw,
  idempotent: true,
});

/** Every file of one host. */
export const list = duplex({
  id: 3,
  name: 'list',
  output: /** @type {typeof typed<Entry>} */ (typed)(),
  idempotent: true,
});

/** Size and hash of a file, read from the disk of one host. */
export const stat = unary({
  id: 4,
  name: 'stat',
  request: /** @type {typeof typed<Path>} */ (typed)(),
  response: /** @type {typeof typed<Digest>} */ (typed)(),
  idempotent: true,
});

/** What a host says about itself, now and about every second. */
export const watch = duplex({
  id: 5,
  name: 'watch',
  output: /** @type {typeof typed<HostReport>} */ (typed)(),
  idempotent: true,
});
