import { duplex, raw, type, unary } from '../../lib/index.js';

/** What the page found. Hashes are SHA-256, in hex. */
export interface PageReport {
  /** Everything else is of no use then. */
  readonly error?: string;
  /** Of the Blob. */
  readonly sent?: string;
  /** Of what the host gave back. */
  readonly readBack?: string;
  /** The last progress of `writeFile`. */
  readonly written?: number;
  /** Of `sendfile`: its ways, and the last progress. */
  readonly modes?: readonly string[];
  readonly progress?: { readonly sent: number; readonly total: number };
}

/** Takes bytes, and answers with their hash. */
export const upload = duplex({ name: 'upload', input: raw, output: type<string>() });
export const report = unary({ name: 'report', request: type<PageReport>(), response: type<boolean>() });

/** Bytes of the Blob: not a multiple of anything that a slice may have. */
export const blobBytes = 5 * 2 ** 20 + 77;
