#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { parseAddress } from './address.js';
import { copyIn } from './copy-in.js';
import { copyOut } from './copy-out.js';
import { lastName, type CopyContext, type CopyOptions } from './copy.js';
import { exitCodes, Failure, failureText } from './failure.js';
import { connectTo } from './host.js';
import { ProgressBar } from './progress-bar.js';

interface CpOptions extends CopyOptions {
  readonly token?: string;
  readonly progress: boolean;
  readonly timeout: string;
}

const interruption = new Error('interrupted');

async function cp(source: string, target: string, options: CpOptions): Promise<number> {
  const [from, to] = [parseAddress(source), parseAddress(target)];
  if (from.kind === to.kind) {
    throw new Failure(
      'one of source and target must be of a host, as host:port:path, and the other one must be here. Write a local name with a colon as ./a:b.',
      exitCodes.usage,
    );
  }
  const host = from.kind === 'remote' ? from.host : to.kind === 'remote' ? to.host : '';
  const { token, timeout } = options;
  if (token === undefined) {
    throw new Failure('who are you? Give a token with --token or in RXGRID_TOKEN.', exitCodes.usage);
  }
  const abort = new AbortController();
  const interrupt = (): void => {
    abort.abort(interruption);
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const connection = await connectTo(host, token, Number(timeout) * 1_000);
  const bar = new ProgressBar(lastName(from.path), options.progress && process.stderr.isTTY);
  let failures = 0;
  const context: CopyContext = {
    connection,
    options,
    bar,
    signal: abort.signal,
    failed: (error) => {
      failures++;
      console.error(`rxgrid: ${failureText(error, options.resume)}`);
    },
    skipped: (text) => {
      console.error(`rxgrid: ${text}`);
    },
  };
  try {
    if (from.kind === 'remote') await copyIn(context, from.path, to.path);
    else await copyOut(context, from.path, to.path);
  } catch (error) {
    if (error !== interruption) throw error;
    const rest = options.resume ? ' Run the same command again to continue.' : '';
    throw new Failure(`interrupted: nothing half-written is left under its name.${rest}`, exitCodes.interrupted);
  } finally {
    bar.stop();
    connection.close();
  }
  if (failures === 0) return exitCodes.done;
  throw new Failure(`${String(failures)} ${failures === 1 ? 'file is' : 'files are'} not copied.`);
}

async function main(): Promise<void> {
  let exitCode: number = exitCodes.done;
  const program = new Command('rxgrid')
    .description('Works with hosts of a grid, as a leaf.')
    .version(version())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'rxgrid: ')) })
    .showHelpAfterError('rxgrid --help tells more.');
  program
    .command('cp')
    .description('Copies files from a host to here, or from here to a host that serves files (serveFiles).')
    .argument('<source>', 'ws://host:port:path, host:port:path, or a path here')
    .argument('<target>', 'the same; one of the two is here')
    .option('-r, --recursive', 'folders with all that is in them', false)
    .option('--resume', 'keep what breaks off, and continue what broke off', false)
    .option('--verify', 'check a SHA-256 of each file before it gets its name', false)
    .option('--fsync', 'force each file to the disk before it gets its name', false)
    .addOption(new Option('--token <token>', 'what the host knows us by').env('RXGRID_TOKEN'))
    .option('--timeout <seconds>', 'time to connect', '10')
    .option('--no-progress', 'no progress bar, which is there on a terminal only')
    .addHelpText(
      'after',
      `
Paths at the host are relative to the folder that it serves. Nothing half-written is ever under a final name: a file
has another name until it is whole.

Examples:
  RXGRID_TOKEN=secret rxgrid cp ws://10.0.0.1:9000:photos/a.jpg .
  rxgrid cp --token secret -r --resume ./photos 10.0.0.1:9000:backup

Exit codes: 0 done, 1 something is not copied, 2 wrong usage, 130 interrupted.`,
    )
    .action(async (source: string, target: string, options: CpOptions) => {
      exitCode = await cp(source, target, options);
    });
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    else {
      exitCode = error instanceof Failure ? error.exitCode : exitCodes.failed;
      console.error(`rxgrid: ${failureText(error, process.argv.includes('--resume'))}`);
    }
  }
  process.exitCode = exitCode;
}

/** The version of the package: main.js is three folders below. */
function version(): string {
  const manifest = join(realpathSync(process.argv[1]!), '../../../../package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

void main();
