import { LimitError } from '../errors.js';

/*
 * Why a WebSocket closed: close codes (RFC 6455, section 7.4) and error events.
 */

/** Close code of a socket that was closed deliberately. */
export const normalClosure = 1000;

/** Close code of a socket whose message was too large for the other side. */
const messageTooLarge = 1009;

/** The error of a socket that closed with this code; undefined for a deliberate close. */
export function closeError(code: number): Error | undefined {
  if (code === normalClosure) return undefined;
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

/** The text of an error event. */
export function messageOf(event: unknown): string {
  const { message } = event as { message?: unknown };
  return typeof message === 'string' && message !== '' ? message : 'the platform gives no reason';
}
