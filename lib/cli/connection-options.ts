import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { LeafConnection } from '../endpoint/leaf.js';
import { exitCodes, Failure } from './failure.js';
import { connectTo } from './host.js';

/** The options of every command that connects to a host, as commander gives them. */
export interface ConnectionOptions {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  /** In seconds. */
  readonly timeout: number;
}

const maxTimeoutSeconds = 3_600;

/** Gives a command the options of its connection. */
export function describeConnection(command: Command): Command {
  return command
    .addOption(new Option('--token <token>', 'the token of this leaf').env('RXGRID_TOKEN'))
    .option('--token-file <file>', 'a file with the token: other users can see the arguments of a process')
    .option('--ca <file>', 'certificates to trust for wss://, in PEM, in place of the well-known ones')
    .option('--timeout <seconds>', 'time to connect', toTimeout, 10);
}

/** Connects to a host. @throws Failure; the reason of the signal. */
export function connectWith(host: string, options: ConnectionOptions, signal: AbortSignal): Promise<LeafConnection> {
  const token = tokenOf(options);
  const ca = caOf(options, host);
  return connectTo(host, { token, ca, connectMs: options.timeout * 1_000, signal });
}

/** The token that the options name. @throws Failure (usage) */
export function tokenOf({ token, tokenFile }: Pick<ConnectionOptions, 'token' | 'tokenFile'>): string {
  const text = tokenFile === undefined ? token : readText(tokenFile, 'the token').trim();
  if (text === undefined || text === '') {
    throw new Failure('a token is needed. Give one with --token-file, --token or RXGRID_TOKEN.', exitCodes.usage);
  }
  return text;
}

/** The certificates that the options name. @throws Failure (usage) */
export function caOf({ ca }: Pick<ConnectionOptions, 'ca'>, host: string): Uint8Array | undefined {
  if (ca === undefined) return undefined;
  if (!/^(?:wss|https):/i.test(host)) {
    throw new Failure(`--ca is for wss://, and ${JSON.stringify(host)} is not encrypted.`, exitCodes.usage);
  }
  const text = readText(ca, 'the certificates');
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Failure(`--ca: ${JSON.stringify(ca)} has no certificate in PEM.`, exitCodes.usage);
  }
  return new TextEncoder().encode(text);
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(`${what} cannot be read from ${JSON.stringify(path)} (${String(code)}).`, exitCodes.usage);
  }
}

/** Reads a number of seconds. @throws InvalidArgumentError */
export function toTimeout(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds > 0 && seconds <= maxTimeoutSeconds) return seconds;
  throw new InvalidArgumentError(`Give seconds: more than 0, ${String(maxTimeoutSeconds)} at most.`);
}
