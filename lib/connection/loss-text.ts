import type { ConnectionStatus } from './connection-state.js';

/** The message of the error of a call without a connection, or whose connection was lost. */
export function lossText(host: string, status: ConnectionStatus, reason: string | undefined, sent: boolean): string {
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
  return text.replace(/\.?$/, '.');
}
