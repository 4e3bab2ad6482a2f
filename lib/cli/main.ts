#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers';
import { Command, CommanderError } from 'commander';
import { printable } from '../printable.js';
import { cp } from './cp.js';
import { cpOptions, describeCp, type CpOptions } from './cp-options.js';
import { addFileCommands } from './file-commands.js';
import { exitCodeOf, exitCodes, Failure, failureText } from './failure.js';
import { abortOnSignals, Interruption } from './interruption.js';

/** Time for cleaning up after an interruption, in ms. */
const cleanUpMs = 1_000;

async function main(): Promise<void> {
  let exitCode: number = exitCodes.done;
  // The terminal, or the reader of a pipe, may be gone: then there is nobody to report to.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWithReader);
  const signal = abortOnSignals();
  const program = new Command('rxgrid')
    .description('Works with hosts of a grid, as a leaf.')
    .version(version())
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'rxgrid: '));
      },
    })
    .showHelpAfterError('rxgrid --help tells more.');
  describeCp(program.command('cp')).action(async (paths: string[], options: Partial<CpOptions>) => {
    const target = paths.pop()!;
    if (paths.length === 0) {
      throw new Failure('a source and a target are needed: rxgrid cp <source...> <target>.', exitCodes.usage);
    }
    exitCode = await cp(paths, target, cpOptions(options), signal);
  });
  addFileCommands(program, async (work) => {
    exitCode = await work(signal);
  });
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    else {
      exitCode = error instanceof Interruption ? error.exitCode : exitCodeOf(error);
      const text = failureText(error, process.argv.includes('--resume'));
      if (text !== '') process.stderr.write(`rxgrid: ${printable(text, 10_000)}\n`);
    }
  }
  process.exitCode = exitCode;
  // A name lookup, or a disk that does not respond, would keep the process alive.
  const reason: unknown = signal.reason;
  if (reason instanceof Interruption) {
    setTimeout(() => {
      reason.endAtOnce();
    }, cleanUpMs).unref();
  }
}

function endWithReader(this: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' && this === process.stdout) process.exit(exitCodes.brokenPipe);
}

/** The version of the package: main.js is three folders below. */
function version(): string {
  const manifest = join(realpathSync(process.argv[1]!), '../../../../package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

void main();
