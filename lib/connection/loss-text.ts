import { ConfigurationError, DisconnectedError } from '../errors.js';
import { isFinal, type ConnectionState, type ConnectionStatus } from './connection-state.js';

/**
 * The messages of the errors of calls without a connection to a host, or whose connection was lost. A connection that
 * is lost ends many calls at once, most of them with the same message, so the last one is kept.
 */
export class LossText {
  readonly #host: string;
  #status: ConnectionStatus | undefined = undefined;
  #reason: string | undefined = undefined;
  #sent = false;
  #code: RefusalCode | undefined = undefined;
  #text = '';

  constructor(host: string) {
    this.#host = host;
  }

  /** Creates the error of a call in a state. `notStarted`: why nothing tries to connect yet. */
  errorOf<R>(
    state: ConnectionState,
    notStarted: string | undefined,
    details: { sent: boolean; host: string; reconnected: R; now: (sent: boolean) => DisconnectedError },
  ): DisconnectedError<R> {
    const { status, error } = state;
    const code = status === 'refused' ? refusalCode(error?.code) : undefined;
    return new DisconnectedError(this.#of(status, notStarted ?? error?.message, details.sent, code), {
      ...details,
      code,
      retryable: !isFinal(state),
      cause: notStarted === undefined ? error?.cause : new ConfigurationError(notStarted),
    });
  }

  /**
   * `reason`: what is known of the loss. `sent`: whether something of the call may have reached the host. `code`: of
   * the refusal, while the connection is refused.
   */
  #of(status: ConnectionStatus, reason: string | undefined, sent: boolean, code: RefusalCode | undefined): string {
    if (status !== this.#status || reason !== this.#reason || sent !== this.#sent || code !== this.#code) {
      this.#status = status;
      this.#reason = reason;
      this.#sent = sent;
      this.#code = code;
      this.#text = lossText(this.#host, status, reason, sent, code);
    }
    return this.#text;
  }
}

/** Why a host refuses a connection: the `code` of the errors of its calls. */
type RefusalCode = 'unauthenticated' | 'permission-denied';

function refusalCode(code: string | undefined): RefusalCode {
  return code === 'unauthenticated' ? code : 'permission-denied';
}

const remedies: Readonly<Record<RefusalCode, string>> = {
  unauthenticated: ' Give another token, and call reconnect().',
  'permission-denied':
    ' Nothing tries again until reconnect() is called, which helps once the host lets this leaf in, or with another token.',
};

function lossText(
  host: string,
  status: ConnectionStatus,
  reason: string | undefined,
  sent: boolean,
  code: RefusalCode | undefined,
): string {
  const why =
    status === 'closed'
      ? `The connection to ${host} is closed for good.`
      : status === 'connected'
        ? `The call was dropped by ${host}, or its connection was replaced; there is a connection now`
        : status === 'draining'
          ? `The call was dropped by ${host}, which drains and takes no new calls`
          : `There is no connection to ${host}${reason === undefined ? '' : `: ${reason}`}`;
  const remedy = code === undefined ? '' : remedies[code];
  return `${sentence(why)}${remedy}${sent ? ' The call may have reached it.' : nothingSent}`;
}

/** The message of the error of a call that was not sent because one of the two hosts drains. */
export function drainText(why: string): string {
  return `${sentence(why)}${nothingSent}`;
}

const nothingSent = ' Nothing of the call was sent.';

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
