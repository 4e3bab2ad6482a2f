import { DeclaredError, InvalidArgumentError } from '../contract/define-error.js';
import type { RouteErrors } from '../contract/route-errors.js';
import { errorInfo } from '../error-info.js';
import {
  CancelledError,
  type CodecError,
  DeadlineExceededError,
  DisconnectedError,
  errorText,
  GridError,
  HandlerError,
  LimitError,
  RefusedError,
  RemoteError,
} from '../errors.js';
import type { Outcome } from '../metrics/route-meter.js';
import type { Limits } from '../limits.js';
import type { GridEvent } from '../observe.js';
import type { Runtime } from '../runtime.js';
import { exhausted, type CallError } from '../wire/payloads/call-error.js';

/** What a failure needs to know of its call and its endpoint. */
export interface FailureScope {
  readonly runtime: Runtime;
  readonly limits: Limits;
  /** True: leaves get the texts of undeclared errors. */
  readonly exposeErrors?: boolean;
}

/** The call of a failure. */
export interface FailedCall {
  readonly route: string;
  readonly errors: RouteErrors;
  readonly caller: string;
  readonly callerKind: 'host' | 'leaf';
  /** The handler has begun to work on the call: whatever it threw, to repeat the call would run it twice. */
  readonly began: boolean;
  /** The call is relayed: its errors are those of the host that is called. */
  readonly relayed: boolean;
}

/** What the caller gets for an error of a handler, and what an operator gets. */
export interface Failure {
  readonly text: string;
  readonly error: CallError;
  /** Undefined where the contract names the error: it is an outcome like any other. */
  readonly event: GridEvent | undefined;
}

/** Describes what a handler, or an interceptor, threw. It never throws, whatever that is. */
export function failureOf(thrown: unknown, call: FailedCall, scope: FailureScope): Failure {
  if (!isDeclared(thrown)) return undeclared(thrown, call, scope);
  try {
    const { code, retryable } = thrown;
    const sent = call.began || thrown.sent;
    const data = call.errors.encode(thrown);
    const { maxErrorDataBytes } = scope.limits;
    if (data !== undefined && data.length > maxErrorDataBytes) {
      throw new LimitError(
        `it has ${String(data.length)} bytes, and maxErrorDataBytes is ${String(maxErrorDataBytes)}`,
        'maxErrorDataBytes',
      );
    }
    const error = { code, retryable, sent, data };
    if (isSecondHand(thrown)) return withheldFromLeaves(thrown, error, call, scope);
    const known = call.errors.has(code);
    return { text: errorText(thrown), error, event: known ? undefined : eventOf(thrown, call) };
  } catch (cause) {
    const text = `${call.route}: the data of an error cannot be sent: ${errorText(cause)}`;
    return undeclared(new HandlerError(text, { cause }), call, scope);
  }
}

/** Codes of errors that no contract has declared. Their texts are meant for hosts. */
const codesOfUndeclared: ReadonlySet<string> = new Set([
  ...['internal', 'remote', 'unavailable', 'resource-exhausted', 'deadline-exceeded', 'cancelled'],
]);

/** True for an error of another host that need not have been declared there. */
function isSecondHand({ initiator, code }: DeclaredError): boolean {
  return initiator === 'remote' && codesOfUndeclared.has(code);
}

/** True for an error of a relayed call whose text the other host would have sent to the leaf itself. */
function mayPass(thrown: unknown): boolean {
  try {
    return thrown instanceof RefusedError || (thrown instanceof RemoteError && !codesOfUndeclared.has(thrown.code));
  } catch {
    // A getter, or a Proxy.
    return false;
  }
}

/** The error that a caller gets whose request or input does not decode. It is not reported at this side. */
export function invalidArgument(error: CodecError, call: FailedCall, scope: FailureScope): Failure {
  const text = errorText(error);
  const issues = error.issues ?? [{ path: [], message: text }];
  const { error: details, ...failure } = failureOf(new InvalidArgumentError(text, { issues }), call, scope);
  return { ...failure, error: { ...details, sent: call.began } };
}

function undeclared(thrown: unknown, call: FailedCall, scope: FailureScope): Failure {
  const error = { ...wireError(thrown), ...(call.began ? { sent: true } : {}) };
  return withheldFromLeaves(thrown, error, call, scope);
}

/** A failure whose text hosts get, and leaves only where texts are exposed. */
function withheldFromLeaves(
  thrown: unknown,
  error: CallError,
  call: FailedCall,
  { runtime, exposeErrors }: FailureScope,
): Failure {
  if (call.callerKind === 'host' || exposeErrors === true || (call.relayed && mayPass(thrown))) {
    return { text: errorText(thrown), error, event: eventOf(thrown, call) };
  }
  // The text may name what strangers must not know: paths, hosts, statements. The id leads an operator from one to the
  // other.
  const id = Array.from({ length: 4 }, () =>
    Math.floor(runtime.random() * 0x1_0000)
      .toString(16)
      .padStart(4, '0'),
  ).join('');
  // The name of a bound is no secret, and the class of the error needs it.
  const data = error.code === 'resource-exhausted' ? error.data : undefined;
  return {
    text: `The ${call.relayed ? 'relayed call' : 'handler'} failed. The host has reported why, under the id ${id}.`,
    error: { ...error, data },
    event: { ...eventOf(thrown, call), id } as GridEvent,
  };
}

/** The event of an error of a handler. */
export function eventOf(thrown: unknown, { route, caller }: Pick<FailedCall, 'route' | 'caller'>): GridEvent {
  return { type: 'handler-error', route, caller, error: errorInfo(thrown) };
}

function isDeclared(thrown: unknown): thrown is DeclaredError {
  return thrown instanceof DeclaredError;
}

// An error of a call that the handler made passes on whether calling again may help; that of a call which is relayed,
// and of one that an interceptor makes before the handler, also whether anything was done.
function wireError(thrown: unknown): CallError {
  try {
    if (thrown instanceof GridError) return wireErrorOf(thrown);
  } catch {
    // A getter, or a Proxy.
  }
  return { code: 'internal' };
}

function wireErrorOf(error: GridError): CallError {
  const { retryable, sent } = error;
  if (error instanceof RemoteError || error instanceof RefusedError) {
    const { code, data } = error;
    const known = code !== 'remote' && code !== 'refused';
    return { code: known ? code : 'internal', retryable, sent, data: data instanceof Uint8Array ? data : undefined };
  }
  if (error instanceof DisconnectedError) return { code: 'unavailable', retryable, sent };
  if (error instanceof DeadlineExceededError) return { code: 'deadline-exceeded', retryable, sent };
  if (error instanceof CancelledError) return { code: 'cancelled', sent };
  if (error instanceof LimitError) return exhausted(error.limit, retryable, sent);
  return { code: 'internal' };
}

/** How a call has ended if its caller gets this error. */
export function outcomeOfFailure({ code }: CallError): Outcome {
  return code === 'cancelled' ? 'cancelled' : { code };
}
