import type { SecureContextOptions } from 'node:tls';
import { anObject, checkOptions, either, oneOf, type Rule } from '../../check.js';
import type { Dial } from '../../transport/socket.js';
import { createDial } from '../../transport/ws-dial.js';
import { dialerRegionWriter, type KernelOf } from '../files/send/attach-region-writer.js';
import { systemKernelSender } from '../kernel/kernel-sender.js';
import { readPath } from './read-path.js';

/** TLS of this host: its certificate as an acceptor, and the certificates that it trusts as a dialer. PEM. */
export interface TlsOptions {
  readonly key?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  /** Certificate authorities of the other hosts. Default: the well-known ones. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
}

/** Socket options of hosts and leaves in Node. */
export interface SocketOptions {
  /** Required if the local name is https, or if other hosts have certificates of a private authority. */
  readonly tls?: TlsOptions;
  /**
   * True: files that this side sends over connections that it dialed are masked with a key of zeros, which leaves them
   * unchanged, so the kernel can send them in that direction too. Every receiver accepts such frames. Use it only
   * between servers, on networks without foreign proxies: RFC 6455 (section 10.3) requires unpredictable keys, because
   * scripts in browsers could otherwise produce bytes that a faulty proxy takes for another protocol. Default false.
   */
  readonly zeroMask?: boolean;
  /** False: files are always copied through buffers, never sent from the kernel's page cache. Default true. */
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

/** Validation rules of {@link SocketOptions}. */
export const socketRules: Readonly<Record<keyof SocketOptions, Rule>> = {
  tls: anObject,
  zeroMask: oneOf(true, false),
  kernelSendfile: oneOf(true, false),
};

/**
 * Validates options that include {@link SocketOptions}, and returns the other ones together with a `dial` made from the
 * socket options. `rules` are the rules of the other options.
 *
 * @throws ConfigurationError for an unknown or invalid option.
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

/** The kernel's sendfile, or a reason why it is not used, according to the options. */
export function kernelOf({ kernelSendfile = true }: SocketOptions): KernelOf {
  return kernelSendfile ? systemKernelSender : () => Promise.resolve('kernelSendfile is false.');
}

/** Creates a dial from the options. */
export function nodeDial(options: SocketOptions): Dial {
  const { tls, zeroMask = false } = options;
  return createDial(
    tls ? tlsContext(tls) : {},
    dialerRegionWriter(zeroMask ? 'zero' : 'random', kernelOf(options)),
    readPath,
  );
}

/** Converts TLS options to those of Node. */
export function tlsContext({ key, cert, ca }: TlsOptions): SecureContextOptions {
  // Node's types require Buffer where any Uint8Array works.
  return { key, cert, ca } as SecureContextOptions;
}
