import { LimitError, ProtocolError } from '../errors.js';
import { ClosedError, type ClosedCode } from '../rejection.js';
import { printable } from '../printable.js';

/*
 * Why a WebSocket closed: close codes (RFC 6455, section 7.4) and error events.
 */

/** Close code of a socket that was closed deliberately. */
export const normalClosure = 1000;

/** Close code of a socket whose message was too large for the other side. */
const messageTooLarge = 1009;

/** Close codes that say why a host closes the connection of a leaf: RFC 6455 leaves 4000 to 4999 to applications. */
const closeCodes: Readonly<Record<ClosedCode, number>> = {
  unauthenticated: 4401,
  'permission-denied': 4403,
  idle: 4408,
  'resource-exhausted': 4429,
};

/** The close code of a reason. */
export function closeCodeOf(code: ClosedCode): number {
  return closeCodes[code];
}

/** Bytes of a reason in a close frame, at most (RFC 6455, section 5.5). */
const maxReasonBytes = 123;

/** The reason of a close frame, shortened to what one may hold. */
export function closeReason(text: string): string {
  let short = text;
  while (new TextEncoder().encode(short).length > maxReasonBytes) short = short.slice(0, -1);
  return short;
}

/** The error of a socket that closed with this code and reason; undefined for a deliberate close. */
export function closeError(code: number, reason = ''): Error | undefined {
  if (code === normalClosure) return undefined;
  for (const [name, each] of Object.entries(closeCodes) as [ClosedCode, number][]) {
    if (each !== code) continue;
    const shown = printable(reason);
    return new ClosedError(`The other side closed the connection: ${shown === '' ? name : shown}`, shown, name);
  }
  return code === messageTooLarge
    ? new LimitError(
        'The other side closed the connection: a message was larger than its maxMessageBytes (code 1009). Raise it there, or send less at once here.',
        'maxMessageBytes',
      )
    : new Error(`The socket closed with code ${String(code)}.`);
}

/** True for the error event of `ws` about a received message that exceeds its bound. */
export function isTooLarge(event: unknown): boolean {
  const { error } = event as { error?: { code?: unknown } };
  return error?.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
}

/**
 * The error for the error event of an open socket: a ProtocolError where the other side has sent what RFC 6455 forbids.
 */
export function errorOf(event: unknown): Error {
  const { error } = event as { error?: { code?: unknown } };
  const text = messageOf(event);
  return typeof error?.code === 'string' && error.code.startsWith('WS_ERR_')
    ? new ProtocolError(`The other side broke the WebSocket protocol: ${text}.`)
    : new Error(text);
}

/** The text of an error event. */
export function messageOf(event: unknown): string {
  const { message } = event as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : 'the platform gives no reason';
}
