/*
 * The messages between a page and the worker that shares a connection, beside the frames of their link: objects that
 * are posted on the port of the worker. Other objects may be posted there too; they are ignored.
 */

import type { ConnectionState } from '../connection/connection-state.js';
import type { TokenRequest } from '../endpoint/leaves/leaf.js';
import { errorInfo, type ErrorInfo } from '../error-info.js';
import { errorText, toError } from '../errors.js';
import { ClosedError, RejectedError, type ClosedCode, type RejectionCode } from '../rejection.js';
import type { Extensions } from '../wire/payloads/connect.js';

/** An error as it is posted. */
export interface PostedError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  /** The text of the side that rejected, or closed the connection. */
  readonly reason: string | undefined;
}

/** A state as it is posted. */
export type PostedState = Omit<ConnectionState, 'error'> & { readonly error: PostedError | undefined };

/** A link that the worker offers: its frames go over a port of its own. */
export interface OfferedLink {
  readonly port: MessagePort;
  readonly id: Uint8Array;
  readonly extensions: Extensions;
}

/** A message of a page. */
export type FromPage =
  /** The page is present, for the first time or again. `lock`: the name of a lock that it holds as long as it lives. */
  | {
      readonly rxgrid: 'here';
      readonly lock: string | undefined;
      readonly extensions: Extensions;
      readonly givesTokens: boolean;
    }
  /** The answer to a ping. */
  | { readonly rxgrid: 'pong' }
  /**
   * A call waits for the connection, or the page is shown or the network is back: the worker need not wait any longer.
   */
  | { readonly rxgrid: 'wanted' }
  /** The user calls `reconnect()`. */
  | { readonly rxgrid: 'reconnect' }
  /** The link broke although the host is connected. */
  | { readonly rxgrid: 'relink' }
  /** The answer to a request for a token. */
  | {
      readonly rxgrid: 'token';
      readonly id: number;
      readonly token: string | undefined;
      readonly error: PostedError | undefined;
    }
  /** The page leaves. */
  | { readonly rxgrid: 'gone' };

/** A message of the worker. */
export type FromWorker =
  | {
      readonly rxgrid: 'state';
      readonly state: PostedState;
      /** The name of a lock that the worker holds as long as it lives. */
      readonly lock: string | undefined;
      readonly link: OfferedLink | undefined;
    }
  | { readonly rxgrid: 'ping' }
  /** The worker asks the page for a token. */
  | { readonly rxgrid: 'token'; readonly id: number; readonly request: TokenRequest };

/** `data` as a message; undefined where it is none. */
export function messageOf<M extends FromPage | FromWorker>(data: unknown): M | undefined {
  const { rxgrid } = (data ?? {}) as { readonly rxgrid?: unknown };
  return typeof rxgrid === 'string' ? (data as M) : undefined;
}

/** An error as it can be posted: what a class has beside these fields would be lost. */
export function postedError(error: unknown): PostedError {
  const { name, code } = errorInfo(error);
  const reason = error instanceof RejectedError || error instanceof ClosedError ? error.reason : undefined;
  return { name, message: errorText(error), code, reason };
}

/** The error that was posted, as an instance of its class where a leaf acts on that. */
export function errorOf({ name, message, code, reason }: PostedError): Error {
  if (name === 'RejectedError') return new RejectedError(message, reason ?? '', code as RejectionCode);
  if (name === 'ClosedError') return new ClosedError(message, reason ?? '', code as ClosedCode);
  return Object.assign(new Error(message), { name }, code === undefined ? {} : { code });
}

/** A state as it can be posted. */
export function postedState({ error, ...state }: ConnectionState): PostedState {
  return { ...state, error: error === undefined ? undefined : postedError(errorBehind(error)) };
}

function errorBehind({ cause, message }: ErrorInfo): Error {
  return cause === undefined ? new Error(message) : toError(cause);
}
