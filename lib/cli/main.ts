#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers';
import { Command, CommanderError } from 'commander';
import { commandEntries, type RunCommand } from './commands.js';
import { exitCodes } from './exit/exit-codes.js';
import { wrapped } from './output/wrap.js';
import { abortOnSignals, Interruption } from './exit/interruption.js';

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
      writeOut: (text) => {
        const { isTTY, columns } = process.stdout as { readonly isTTY?: boolean; readonly columns?: number };
        process.stdout.write(isTTY === true && columns !== undefined && columns > 0 ? wrapped(text, columns) : text);
      },
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'rxgrid: '));
      },
    })
    .showHelpAfterError('rxgrid --help tells more.');
  try {
    await addCommands(program, async (work) => {
      exitCode = await work(signal);
    });
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    else exitCode = (await import('./exit/report-failure.js')).reportFailure(error);
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

/** Adds all commands; only the one that is named is loaded. */
async function addCommands(program: Command, run: RunCommand): Promise<void> {
  const [first, second] = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
  const named = first === 'help' ? second : first;
  const entry = commandEntries.find(({ name }) => name === named);
  if (entry !== undefined) (await entry.load())(program, run, commandEntries);
  for (const command of program.commands) command.showHelpAfterError(`rxgrid ${command.name()} --help tells more.`);
  const known = new Set(program.commands.map((command) => command.name()));
  for (const { name, summary, hidden = false } of commandEntries) {
    if (!known.has(name)) program.command(name, { hidden }).description(summary);
  }
}

function endWithReader(this: NodeJS.WriteStream, error: NodeJS.ErrnoException): void {
  if (this !== process.stdout) return;
  if (error.code === 'EPIPE') process.exit(exitCodes.brokenPipe);
  // A result that is lost must not look like success.
  process.stderr.write(`rxgrid: standard output cannot be written (${error.code ?? error.message}).\n`);
  process.exit(exitCodes.failed);
}

/** The version of the package: main.js is three folders below. */
function version(): string {
  const manifest = join(realpathSync(process.argv[1]!), '../../../../package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

void main();
