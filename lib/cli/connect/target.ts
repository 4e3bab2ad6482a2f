import type { Command } from 'commander';
import type { Connection } from '../../contract/connection.js';
import { DisconnectedError, errorText, RefusedError } from '../../errors.js';
import { printable } from '../../printable.js';
import { caOf, describeCa, describeContext, describeTokens } from './connection-options.js';
import { durationOption } from './duration.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { connectTo } from './host.js';
import { Interruption } from '../exit/interruption.js';
import { selectHost, type HostSelection } from './select-host.js';

/** The options of commands that work with one host, as commander gives them. */
export interface TargetOptions extends HostSelection {
  /** In ms. */
  readonly timeout: number;
  readonly quiet?: boolean;
}

/** An open connection to the host that the options name. */
export interface Target {
  /** Name of the host for messages. */
  readonly name: string;
  /** Calls go to the host, or through it with `--via`. */
  readonly connection: Connection;
  readonly signal: AbortSignal;
  /** In ms. */
  readonly timeout: number;
}

/** The exit codes of these commands, for their help. */
export const targetCodes = `
Exit codes: 0 done, 1 the call failed, 2 wrong usage, 3 no connection, 4 refused (the token), 5 partly done, 129, 130 and 143
ended by SIGHUP, SIGINT and SIGTERM, 141 the reader of standard output is gone.
Environment: RXGRID_HOST, RXGRID_TOKEN, RXGRID_CONTEXT, RXGRID_CONFIG, NO_COLOR. Flags come before the environment, and that
before the context (rxgrid context --help).`;

/** Gives a command the options of its host. */
export function describeTarget(command: Command): Command {
  const named = command
    .option('-H, --host <url>', 'the host: ws://host:port, wss://host:port or host:port (RXGRID_HOST)')
    .option('--via <host>', 'make the calls through that host, to this one, which it knows by the name');
  return describeCa(describeTokens(describeContext(named)))
    .addOption(durationOption('--timeout <duration>', 'time to connect, and for an answer', '10s'))
    .option('-q, --quiet', 'no notes on standard error, errors only')
    .addHelpText('after', targetCodes);
}

/** Connects to the host of the options and works with it. @throws Failure, which says what to do. */
export async function withTarget(
  options: TargetOptions,
  signal: AbortSignal,
  work: (target: Target) => Promise<number>,
): Promise<number> {
  const place = selectHost(options, process.env);
  const { url, via } = place;
  const { timeout } = options;
  const leaf = await connectTo(url, {
    token: await place.token(signal),
    connectMs: timeout,
    ca: await caOf(place, signal),
    signal,
  }).catch((error: unknown) => {
    throw explained(error, url);
  });
  const name = printable(via === undefined ? leaf.host : `${via} (via ${leaf.host})`);
  try {
    return await work({ name, connection: via === undefined ? leaf : leaf.via(via), signal, timeout });
  } catch (error) {
    throw explained(error, name);
  } finally {
    leaf.close();
  }
}

/** Turns an error of a call into one that names the host and says what to do. */
export function explained(error: unknown, host: string): unknown {
  if (error instanceof Failure) return error;
  if (error instanceof Interruption) return new Failure('interrupted.', error.exitCode);
  if (error instanceof DisconnectedError) {
    return new Failure(
      `the connection to ${host} is lost. Is the host still running? Run the command again.`,
      exitCodes.disconnected,
    );
  }
  if (error instanceof RefusedError) {
    const isToken = error.code === 'permission-denied' || error.code === 'unauthenticated';
    return new Failure(errorText(error), isToken ? exitCodes.refused : exitCodes.failed);
  }
  const { code } = error as { readonly code?: unknown };
  const text = errorText(error);
  return new Failure(typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text);
}
