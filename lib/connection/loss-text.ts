import type { ConnectionStatus } from './connection-state.js';

/**
 * The messages of the errors of calls without a connection to a host, or whose connection was lost. A connection that is lost
 * ends many calls at once, most of them with the same message, so the last one is kept.
 */
export class LossText {
  readonly #host: string;
  #status: ConnectionStatus | undefined = undefined;
  #reason: string | undefined = undefined;
  #sent = false;
  #text = '';

  constructor(host: string) {
    this.#host = host;
  }

  /** `reason`: what is known of the loss. `sent`: whether something of the call may have reached the host. */
  of(status: ConnectionStatus, reason: string | undefined, sent: boolean): string {
    if (status !== this.#status || reason !== this.#reason || sent !== this.#sent) {
      this.#status = status;
      this.#reason = reason;
      this.#sent = sent;
      this.#text = lossText(this.#host, status, reason, sent);
    }
    return this.#text;
  }
}

function lossText(host: string, status: ConnectionStatus, reason: string | undefined, sent: boolean): string {
  const why =
    status === 'closed'
      ? `The connection to ${host} is closed for good.`
      : status === 'connected'
        ? `The call was dropped by ${host}, or its connection was replaced; there is a connection now`
        : `There is no connection to ${host}${reason === undefined ? '' : `: ${reason}`}`;
  return `${sentence(why)}${sent ? ' The call may have reached it.' : nothingSent}`;
}

/** The message of the error of a call that was not sent because one of the two hosts drains. */
export function drainText(why: string): string {
  return `${sentence(why)}${nothingSent}`;
}

const nothingSent = ' Nothing of the call was sent.';

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
