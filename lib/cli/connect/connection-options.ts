import { Option, type Command } from 'commander';
import type { LeafConnection } from '../../endpoint/leaves/leaf.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { durationOption } from './duration.js';
import { connectTo } from './host.js';
import { selectHostAt, type SelectedHost, type HostSelection } from './select-host.js';
import { readText } from './token.js';

/** The options of every command that connects to the host of an address, as commander gives them. */
export interface ConnectionOptions extends Pick<
  HostSelection,
  'token' | 'tokenFile' | 'tokenCommand' | 'context' | 'ca'
> {
  /** In ms. */
  readonly timeout: number;
}

/** Gives a command the options of its connection. `waits`: what the option --timeout limits; `timeout`: its default. */
export function describeConnection(command: Command, waits = 'time to connect', timeout = '10s'): Command {
  return describeCa(
    describeTokens(command).option('--context <name>', 'the context whose token is used for its host (RXGRID_CONTEXT)'),
  ).addOption(durationOption('--timeout <duration>', waits, timeout));
}

/** Gives a command the options of its token. */
export function describeTokens(command: Command): Command {
  return (
    command
      .option('--token-file <file>', 'a file with the token; or set RXGRID_TOKEN')
      .option('--token-command <command>', 'a command of the shell that prints the token')
      // Other tools have this option: the error names what to use here.
      .addOption(new Option('--token <token>').hideHelp())
  );
}

/** Gives a command the option of its certificates. */
export function describeCa(command: Command): Command {
  return command.option('--ca <file>', 'certificates to trust for wss://, in PEM, in place of the well-known ones');
}

/** Gives a command the option of the context that names its host. */
export function describeContext(command: Command): Command {
  return command.option('--context <name>', 'the context that names host and token (RXGRID_CONTEXT)');
}

/** Connects to the host of an address. Errors: Failure; the reason of the signal. */
export async function connectWith(
  host: string,
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<LeafConnection> {
  const place = selectHostAt(host, options, process.env);
  const { url, via } = place;
  if (via !== undefined) {
    throw new Failure(
      `its context reaches ${url} via ${via}, and files are copied over direct connections only. Give the host itself.`,
      exitCodes.usage,
    );
  }
  const ca = await caOf(place, signal);
  return connectTo(url, { token: await place.token(signal), ca, connectMs: options.timeout, signal });
}

/** Reads the certificates of a host that is connected to. Errors: Failure (usage); the reason of the signal. */
export async function caOf(
  { ca, url }: Pick<SelectedHost, 'ca' | 'url'>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (ca === undefined) return undefined;
  if (!/^(?:wss|https):/i.test(url)) {
    throw new Failure(`--ca is for wss://, and ${JSON.stringify(url)} is not encrypted.`, exitCodes.usage);
  }
  const text = await readText(ca, 'the certificates', signal);
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new Failure(`--ca: ${JSON.stringify(ca)} has no certificate in PEM.`, exitCodes.usage);
  }
  return new TextEncoder().encode(text);
}
