import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { exitCodes, Failure } from './failure.js';

/** The options of `rxgrid cp`, as commander gives them. */
export interface CpOptions {
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly verify: boolean;
  readonly fsync: boolean;
  readonly links: 'skip' | 'follow';
  readonly exclude: readonly string[];
  readonly dryRun: boolean;
  readonly retry: number;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  /** In seconds. */
  readonly timeout: number;
  readonly progress: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const maxTimeoutSeconds = 3_600;
const maxRetries = 1_000;

/** Gives the command its arguments, options and help. */
export function describeCp(command: Command): Command {
  return command
    .description('Copies files from a host to here, or from here to a host that serves files (serveFiles).')
    .usage('[options] <source...> <target>')
    .argument(
      '<paths...>',
      'sources and then the target: host:port:path, ws://host:port:path, a path here, or - for standard input and output; the sources or the target are of one host',
    )
    .option('-r, --recursive', 'folders with all that is in them', false)
    .option('--resume', 'keep what breaks off, and continue what broke off', false)
    .option('--retry <n>', 'after a loss connect again and continue, so many times', toRetries, 0)
    .option('--verify', 'check a SHA-256 of each file before it gets its name', false)
    .option('--fsync', 'force each file to the disk before it gets its name', false)
    .addOption(
      new Option('--links <how>', 'symbolic links in folders: skip them, or follow those to files')
        .choices(['skip', 'follow'])
        .default('skip'),
    )
    .option(
      '--exclude <glob>',
      'leave out what matches: names, or paths relative to the source folder; may be given several times',
      collect,
      [],
    )
    .option('-n, --dry-run', 'list what would be copied, and copy nothing', false)
    .addOption(new Option('--token <token>', 'what the host knows us by').env('RXGRID_TOKEN'))
    .option('--token-file <file>', 'a file with the token: other users see the arguments of a process')
    .option('--ca <file>', 'certificates to trust for wss://, in PEM, in place of the well-known ones')
    .option('--timeout <seconds>', 'time to connect', toTimeout, 10)
    .option('--no-progress', 'no progress bar, which is there on a terminal only')
    .option('--json', 'progress and result as lines of JSON on standard output', false)
    .option('-q, --quiet', 'errors only', false)
    .option('-v, --verbose', 'say how files are read, and why', false)
    .addHelpText('after', help);
}

const help = `
Paths at the host are relative to the folder that it serves; "host:" is that folder. A host is host:port, or with ws://
or wss:// before it; it has no user, no "?" and no "#". Quote globs at the host: 'host:9000:logs/*.txt'.

Nothing half-written is ever under a final name: a file has another name until it is whole. A path here that you type is
written through its links; a FIFO or a device is written to as it is.

A folder goes into a target that is there, as with cp. With --resume, the target is the copy itself, so that the same
command continues it; write a slash behind the target to copy into it.

Examples:
  RXGRID_TOKEN=secret rxgrid cp ws://10.0.0.1:9000:photos/a.jpg .
  rxgrid cp --token-file ~/.token -r --resume ./photos 10.0.0.1:9000:backup
  tar c . | rxgrid cp - 10.0.0.1:9000:backup.tar
  rxgrid cp 10.0.0.1:9000:backup.tar - | tar t

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no connection, 4 refused (the token, or no files are served), 5 some files
are not copied, 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM, 141 the reader of standard output is gone.`;

/** The token that the options name. @throws Failure (usage) */
export function tokenOf({ token, tokenFile }: CpOptions): string {
  const text = tokenFile === undefined ? token : readText(tokenFile, 'the token').trim();
  if (text === undefined || text === '') {
    throw new Failure('who are you? Give a token with --token-file, --token or RXGRID_TOKEN.', exitCodes.usage);
  }
  return text;
}

/** The certificates that the options name. @throws Failure (usage) */
export function caOf({ ca }: CpOptions, host: string): Uint8Array | undefined {
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

function toTimeout(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds > 0 && seconds <= maxTimeoutSeconds) return seconds;
  throw new InvalidArgumentError(`Give seconds: more than 0, ${String(maxTimeoutSeconds)} at the most.`);
}

function toRetries(text: string): number {
  const retries = Number(text);
  if (/^\d+$/.test(text) && retries <= maxRetries) return retries;
  throw new InvalidArgumentError(`Give a whole number from 0 to ${String(maxRetries)}.`);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
