import type { SecureContextOptions } from 'node:tls';
import { anObject, checkOptions, either, oneOf, type Rule } from '../../check.js';
import type { Dial } from '../../transport/socket.js';
import { createDial } from '../../transport/ws-dial.js';
import { dialerRegionWriter, type KernelOf } from '../files/send/attach-region-writer.js';
import { systemKernelSender } from '../kernel/kernel-sender.js';
import { readPath } from './read-path.js';

/** TLS of this host: its certificate for who dials it, and whom it trusts when it dials. PEM texts. */
export interface TlsOptions {
  readonly key?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  /** Certificates that sign those of the other hosts. Default: the well-known ones. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
}

/** What both a host and a leaf in Node may be told about their sockets. */
export interface SocketOptions {
  /** Needed where the local name is https, or where others have certificates that are not well known. */
  readonly tls?: TlsOptions;
  /**
   * True: the files that this side sends over connections that it dialed are masked with a key of zeros, which is no
   * masking: so the kernel can send them in that direction too. Every receiver accepts it. Only between servers, over networks where no
   * foreign proxy reads along: RFC 6455 (section 10.3) asks for keys that nobody can foresee, because scripts in browsers
   * could otherwise make bytes that a faulty proxy takes for another protocol's. Default false.
   */
  readonly zeroMask?: boolean;
  /** False: files never go from the kernel's page cache to the socket, but always through buffers. Default true. */
  readonly kernelSendfile?: boolean;
}

const pem: Rule = { expected: 'PEM, as a text or as bytes', accepts: isPem };

const tlsRules: Readonly<Record<keyof TlsOptions, Rule>> = {
  key: pem,
  cert: pem,
  ca: either(pem, { expected: 'a list of these', accepts: (value) => Array.isArray(value) && value.every(isPem) }),
};

function isPem(value: unknown): boolean {
  return typeof value === 'string' || ArrayBuffer.isView(value);
}

/** What {@link SocketOptions} may be. */
const socketRules: Readonly<Record<keyof SocketOptions, Rule>> = {
  tls: anObject,
  zeroMask: oneOf(true, false),
  kernelSendfile: oneOf(true, false),
};

/**
 * Checks options that have {@link SocketOptions} among them, and gives the others, with a dial that goes by these. `rules`:
 * of the others.
 *
 * @throws ConfigurationError
 */
export function takeSocketOptions<T extends SocketOptions & { readonly dial?: Dial }>(
  options: T,
  rules: Readonly<Record<string, Rule>>,
  of: string,
): Omit<T, keyof SocketOptions> {
  checkOptions(options, { ...rules, ...socketRules }, { of });
  if (options.tls !== undefined) checkOptions(options.tls, tlsRules, { of: `${of}: tls` });
  const { tls: _tls, zeroMask: _zeroMask, kernelSendfile: _kernelSendfile, ...others } = options;
  return { ...others, dial: options.dial ?? nodeDial(options) };
}

/** How the kernel sends files, as the options say. */
export function kernelOf({ kernelSendfile = true }: SocketOptions): KernelOf {
  return kernelSendfile ? systemKernelSender : () => Promise.resolve('kernelSendfile is false.');
}

/** Dials as the options say. */
export function nodeDial(options: SocketOptions): Dial {
  const { tls, zeroMask = false } = options;
  return createDial(
    tls ? tlsContext(tls) : {},
    dialerRegionWriter(zeroMask ? 'zero' : 'random', kernelOf(options)),
    readPath,
  );
}

/** TLS options as Node takes them. */
export function tlsContext({ key, cert, ca }: TlsOptions): SecureContextOptions {
  // Node's types ask for Buffer where any Uint8Array does.
  return { key, cert, ca } as SecureContextOptions;
}
