import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Socket as NetSocket } from 'node:net';
import { darwinSender } from './darwin.js';
import type { Foreign, LoadForeign } from './foreign.js';
import { freebsdSender } from './freebsd.js';
import { illumosSender } from './illumos.js';
import { linuxSender } from './linux.js';
import { loadKoffi } from './load-koffi.js';

/** The result of one call. */
export interface KernelSent {
  /** Bytes sent, of the head and then of the file. */
  readonly sent: number;
  /** 0, or the number of the error; with `EAGAIN`, some bytes may have been sent. */
  readonly errno: number;
}

/** The port to the system's call that sends bytes of a file from its page cache. No method waits for the socket. */
export interface KernelSender {
  /** True: the binding was tested with a mimicked C library only. */
  readonly experimental: boolean;
  /** The error numbers of this system. */
  readonly errors: KernelErrors;
  /**
   * Sends `head`, if any, and then up to `count` bytes of the file from `offset` on, as far as the socket takes them.
   */
  send(socket: number, file: number, offset: number, count: number, head: Uint8Array | undefined): KernelSent;
  /** Has the system read a part of a file into its page cache, on another thread. Undefined: there is no such call. */
  readAhead?(file: number, offset: number, count: number, done: () => void): void;
}

/** Numbers of the errors that the writer distinguishes. */
export interface KernelErrors {
  readonly EAGAIN: number;
  readonly EINTR: number;
  readonly EPIPE: number;
  readonly ECONNRESET: number;
}

const bindings: Readonly<Record<string, (foreign: Foreign) => KernelSender>> = {
  linux: linuxSender,
  darwin: darwinSender,
  freebsd: freebsdSender,
  sunos: illumosSender,
};
/** On systems of 32 bits, `off_t` has two sizes. */
const architectures = new Set(['x64', 'arm64', 'ppc64', 's390x', 'riscv64', 'loong64']);

/** The binding of this system; a string: why there is none. */
export async function loadKernelSender(
  load: LoadForeign = loadKoffi,
  platform: string = process.platform,
  architecture: string = process.arch,
): Promise<KernelSender | string> {
  const binding = Object.hasOwn(bindings, platform) ? bindings[platform] : undefined;
  if (binding === undefined) return `rxgrid cannot send files from the kernel on ${platform}.`;
  if (!architectures.has(architecture))
    return `Files are sent from the kernel on 64-bit systems only, not on ${architecture}.`;
  let foreign: Foreign;
  try {
    foreign = await load();
  } catch (error) {
    return refusalToLoad(error);
  }
  try {
    return binding(foreign);
  } catch (error) {
    return `The system's sendfile cannot be called: ${String(error)}`;
  }
}

function refusalToLoad(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') {
    return 'koffi is not installed: npm install koffi, to send files from the kernel.';
  }
  return `koffi cannot be loaded: ${String(error)}`;
}

let loaded: Promise<KernelSender | string> | undefined;

/** The binding of this system, loaded once, when it is first needed. */
export function systemKernelSender(): Promise<KernelSender | string> {
  return (loaded ??= loadKernelSender());
}

/** Why the kernel cannot send to this socket; undefined where it can. */
export function refusalOf(socket: Duplex): string | undefined {
  // A TLS socket has a descriptor, too, but the kernel would send plain text to it.
  if (socket instanceof TLSSocket || 'encrypted' in socket) return 'The connection is encrypted (TLS).';
  if (!(socket instanceof NetSocket)) return 'The stream beneath the WebSocket is not a socket.';
  if (descriptorOf(socket) < 0) return 'The socket has no descriptor.';
  return undefined;
}

/**
 * The descriptor of a socket; negative where it has none (any more). The number may be another file's in the next turn.
 */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}
