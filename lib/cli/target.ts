import { execSync } from 'node:child_process';
import type { Command } from 'commander';
import type { Connection } from '../contract/connection.js';
import { DisconnectedError, errorText, RefusedError } from '../errors.js';
import { printable } from '../printable.js';
import { configPath, contextOf, readConfig, type Context } from './config.js';
import { caOf, tokenOf, toTimeout } from './connection-options.js';
import { exitCodes, Failure } from './failure.js';
import { connectTo } from './host.js';
import { Interruption } from './interruption.js';

/** The options of commands that work with one host, as commander gives them. */
export interface TargetOptions {
  readonly host?: string;
  readonly via?: string;
  readonly context?: string;
  readonly tokenFile?: string;
  readonly tokenCommand?: string;
  readonly ca?: string;
  /** In seconds. */
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

/** Characters of a token at most: what a command prints instead of one may be long. */
const maxTokenLength = 1 << 16;
/** Time that the command of a token has, in ms. */
const tokenCommandMs = 30_000;

/** The exit codes of these commands, for their help. */
export const targetCodes = `
Exit codes: 0 done, 1 the call failed, 2 wrong usage, 3 no connection, 4 refused (the token), 5 partly done, 129, 130 and 143
ended by SIGHUP, SIGINT and SIGTERM, 141 the reader of standard output is gone.
Environment: RXGRID_HOST, RXGRID_TOKEN, RXGRID_CONTEXT, RXGRID_CONFIG, NO_COLOR. Flags come before the environment, and that
before the context (rxgrid context --help).`;

/** Gives a command the options of its host. */
export function describeTarget(command: Command): Command {
  return command
    .option('-H, --host <url>', 'the host: ws://host:port, wss://host:port or host:port (RXGRID_HOST)')
    .option('--via <host>', 'make the calls through that host, to this one, which it knows by the name')
    .option('--context <name>', 'the context that names host and token (RXGRID_CONTEXT)')
    .option('--token-file <file>', 'a file with the token; or set RXGRID_TOKEN')
    .option('--token-command <command>', 'a command of the shell that prints the token')
    .option('--ca <file>', 'certificates to trust for wss://, in PEM, in place of the well-known ones')
    .option('--timeout <seconds>', 'time to connect, and for an answer', toTimeout, 10)
    .option('-q, --quiet', 'no notes on standard error, errors only')
    .addHelpText('after', targetCodes);
}

/** Connects to the host of the options and works with it. @throws Failure, which says what to do. */
export async function withTarget(
  options: TargetOptions,
  signal: AbortSignal,
  work: (target: Target) => Promise<number>,
): Promise<number> {
  const place = placeOf(options, process.env);
  const { url, via } = place;
  const timeout = options.timeout * 1_000;
  const leaf = await connectTo(url, {
    token: place.token(),
    connectMs: timeout,
    ca: caOf(place.ca === undefined ? {} : { ca: place.ca }, url),
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

/** Where a command connects to, of its flags, the environment and the context, in this order. */
export interface Place {
  readonly url: string;
  readonly via: string | undefined;
  readonly ca: string | undefined;
  /** @throws Failure (usage) where there is none. */
  token(): string;
}

/** Reads flags, environment and context. @throws Failure (usage) where no host is named. */
export function placeOf(options: Omit<TargetOptions, 'timeout'>, env: NodeJS.ProcessEnv): Place {
  const named = env.RXGRID_CONTEXT === '' ? undefined : env.RXGRID_CONTEXT;
  const given = options.host ?? (env.RXGRID_HOST === '' ? undefined : env.RXGRID_HOST);
  const context = contextOf(options.context ?? named, readConfig(configPath(env)));
  const host = given ?? context?.host;
  if (host === undefined) {
    throw new Failure(
      'no host is named. Give --host ws://host:port or RXGRID_HOST, or add a context: rxgrid context add <name> --host <url>.',
      exitCodes.usage,
    );
  }
  const url = urlOf(host);
  // A token goes to no other host than the one it is configured for.
  const own = context !== undefined && urlOf(context.host) === url ? context : undefined;
  return {
    url,
    via: options.via ?? own?.via,
    ca: options.ca ?? own?.ca,
    token: () => tokenFrom(options, env, own),
  };
}

/** The URL of a host: what has no scheme gets `ws://`. */
export function urlOf(host: string): string {
  return /^\w+:\/\//.test(host) ? host : `ws://${host}`;
}

/** The token of flags, environment and context, in this order. @throws Failure (usage) where there is none. */
export function tokenFrom(
  options: Pick<TargetOptions, 'tokenFile' | 'tokenCommand'>,
  env: NodeJS.ProcessEnv,
  context: Context | undefined,
): string {
  if (options.tokenFile !== undefined) return tokenOf({ tokenFile: options.tokenFile });
  if (options.tokenCommand !== undefined) return printedBy(options.tokenCommand);
  if (env.RXGRID_TOKEN !== undefined && env.RXGRID_TOKEN !== '') return env.RXGRID_TOKEN;
  if (context?.tokenFile !== undefined) return tokenOf({ tokenFile: context.tokenFile });
  if (context?.tokenCommand !== undefined) return printedBy(context.tokenCommand);
  throw new Failure('a token is needed. Give one with --token-file, --token-command or RXGRID_TOKEN.', exitCodes.usage);
}

// Neither the command nor what it prints is quoted: both may hold a secret.
function printedBy(command: string): string {
  let text: string;
  try {
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
    text = execSync(command, { encoding: 'utf8', stdio, timeout: tokenCommandMs, maxBuffer: maxTokenLength }).trim();
  } catch (error) {
    const { status, code } = error as { readonly status?: number | null; readonly code?: string };
    const how = typeof status === 'number' ? `exit code ${String(status)}` : (code ?? 'a signal');
    throw new Failure(`the command of the token failed (${how}). Run it by hand to see why.`, exitCodes.usage);
  }
  if (text === '') throw new Failure('the command of the token prints nothing.', exitCodes.usage);
  return text;
}

/** What a command ends with: an error of a call, in the words of a user. */
export function explained(error: unknown, host: string): unknown {
  if (error instanceof Failure) return error;
  if (error instanceof Interruption) return new Failure('interrupted.', error.exitCode);
  if (error instanceof DisconnectedError) {
    return new Failure(
      `the connection to ${host} is lost. Is the host still there? Run the command again.`,
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
