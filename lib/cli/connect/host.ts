import { filter, firstValueFrom, map, merge, timer } from 'rxjs';
import { ConfigurationError, errorText, RefusedError } from '../../errors.js';
import { RejectedError } from '../../rejection.js';
import type { ConnectionState } from '../../connection/connection-state.js';
import type { LeafConnection } from '../../endpoint/leaves/leaf.js';
import { connect } from '../../node/server/leaf.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { failureText } from '../exit/failure-text.js';

/** Options of {@link connectTo}. */
export interface HostOptions {
  readonly token: string;
  /** Time to connect, in ms. */
  readonly connectMs: number;
  /** Certificates to trust, in PEM, in place of the well-known ones. */
  readonly ca: Uint8Array | undefined;
  /** Aborts the attempt; its reason is the error. */
  readonly signal: AbortSignal;
}

/** Connects to a host as a leaf. @throws Failure with the cause and advice; the reason of the signal. */
export async function connectTo(host: string, { token, connectMs, ca, signal }: HostOptions): Promise<LeafConnection> {
  let leaf: LeafConnection;
  try {
    leaf = connect(host, {
      token,
      limits: { dialTimeout: connectMs, handshakeTimeout: connectMs },
      ...(ca === undefined ? {} : { tls: { ca } }),
    });
  } catch (error) {
    if (error instanceof ConfigurationError) throw new Failure(error.message, exitCodes.usage);
    throw error;
  }
  // The leaf would dial for ever; the command makes one attempt.
  const first$ = merge(
    leaf.state$.pipe(filter(({ status }) => status !== 'connecting')),
    timer(connectMs).pipe(map((): ConnectionState | undefined => undefined)),
  );
  try {
    const state = await firstValueFrom(first$.pipe(takeUntilAborted(signal)));
    if (state?.status === 'connected') return leaf;
    throw failureOf(host, connectMs, state?.error?.cause);
  } catch (error) {
    leaf.close();
    throw error;
  }
}

/** The error for a user who could not connect; `cause` is undefined where the host did not answer in time. */
export function failureOf(host: string, connectMs: number, cause: unknown): Failure {
  if (cause instanceof RejectedError || cause instanceof RefusedError) {
    return new Failure(failureText(cause, false), exitCodes.refused);
  }
  if (isUntrusted(cause)) {
    return new Failure(
      `${host} has a certificate that is not trusted here: ${errorText(cause).replace(/[^.]$/, '$&.')} Give the certificate of its authority, or its own where it is self-signed, with --ca FILE.`,
      exitCodes.disconnected,
    );
  }
  const text =
    cause === undefined
      ? `${host} does not answer within ${connectMs / 1_000} s. Is a host running at this address? --timeout sets the time to wait.`
      : `cannot connect to ${host}: ${errorText(cause).replace(/[^.?]$/, '$&.')}${adviceFor(cause)}`;
  return new Failure(text, exitCodes.disconnected);
}

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** True where an error, or one of its causes, is about a certificate without a trusted authority. */
function isUntrusted(error: unknown): boolean {
  return codesOf(error).some((code) => untrusted.has(code));
}

/** Advice for a connection that failed; empty where the error itself says what to do. */
function adviceFor(cause: unknown): string {
  const codes = new Set(codesOf(cause));
  if (codes.has('ENOTFOUND') || codes.has('EAI_AGAIN')) return ' The name has no address: check how it is written.';
  if ([...codes].some((code) => code.startsWith('ERR_SSL_') || code === 'EPROTO')) {
    return ' Does the host speak TLS? Without it, its address begins with ws://.';
  }
  return errorText(cause).endsWith('?') ? '' : ' Is a host running at this address?';
}

/** The codes of an error and of its causes. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let one = error; typeof one === 'object' && one !== null; one = (one as Error).cause) {
    codes.push(String((one as NodeJS.ErrnoException).code));
  }
  return codes;
}
