#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers';
import { Command, CommanderError } from 'commander';
import { commandEntries, type RunCommand } from './commands.js';
import { exitCodes } from './exit/exit-codes.js';
import { OutputLost } from './exit/output-lost.js';
import { printable } from '../printable.js';
import { wrapped } from './output/wrap.js';
import { abortOnSignals, Interruption } from './exit/interruption.js';
import { withoutLeadingOptions } from './leading-options.js';

/** Time for cleaning up after an interruption, in ms. */
const cleanUpMs = 1_000;

async function main(): Promise<void> {
  process.on('uncaughtException', (error) => {
    import('./exit/uncaught.js').then(
      ({ endByUncaught }) => endByUncaught(error),
      // Where no file can be opened (EMFILE) this import fails as well, and would be reported here without end.
      () => {
        process.stderr.write(`rxgrid: an error was not caught: ${printable(String(error))}\n`);
        process.exit(exitCodes.failed);
      },
    );
  });
  const abort = new AbortController();
  abortOnSignals(abort);
  const output = watchOutput(abort);
  const args = withoutLeadingOptions(process.argv.slice(2));
  const program = rootCommand();
  let exitCode: number = exitCodes.done;
  let failure: unknown;
  try {
    await addCommands(program, args, async (work) => {
      exitCode = await work(abort.signal);
    });
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // A second write fails because of the first: the first names the cause.
    failure = error instanceof OutputLost ? (output.lost() ?? error) : error;
    if (failure instanceof CommanderError) exitCode = failure.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    else exitCode = (await import('./exit/report-failure.js')).reportFailure(failure);
  }
  process.exitCode = exitCode;
  if (!(failure instanceof OutputLost)) await output.reportLoss();
  endSoon(abort.signal.reason);
}

function rootCommand(): Command {
  return new Command('rxgrid')
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
}

/** Adds all commands; only the one that is named is loaded. */
async function addCommands(program: Command, args: readonly string[], run: RunCommand): Promise<void> {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  const named = first === 'help' ? second : first;
  const entry = commandEntries.find(({ name }) => name === named);
  if (entry !== undefined) (await entry.load())(program, run, commandEntries);
  for (const command of program.commands) command.showHelpAfterError(`rxgrid ${command.name()} --help tells more.`);
  const known = new Set(program.commands.map((command) => command.name()));
  for (const { name, summary, hidden = false } of commandEntries) {
    if (!known.has(name)) program.command(name, { hidden }).description(summary);
  }
}

/**
 * Aborts where standard output cannot be written, so that the command cancels at the host what it prints, as it does
 * for Ctrl-C. A command that was done by then did not notice, and neither did one that only printed its help:
 * `reportLoss` reports for them.
 */
function watchOutput(abort: AbortController): { lost(): OutputLost | undefined; reportLoss(): Promise<void> } {
  let lost: OutputLost | undefined;
  let ended = false;
  const report = async (): Promise<void> => {
    if (lost !== undefined) process.exitCode = (await import('./exit/report-failure.js')).reportFailure(lost);
  };
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (lost !== undefined) return;
    lost = new OutputLost(error);
    abort.abort(lost);
    if (ended) void report();
  });
  // Where standard error is gone, there is nobody to report to.
  process.stderr.on('error', () => undefined);
  return {
    lost: () => lost,
    reportLoss: () => {
      ended = true;
      return report();
    },
  };
}

/** Ends a process that should end: a name lookup, or a disk that does not respond, would keep it alive. */
function endSoon(reason: unknown): void {
  if (reason === undefined) return;
  setTimeout(() => {
    if (reason instanceof Interruption) reason.endAtOnce();
    else process.exit();
  }, cleanUpMs).unref();
}

/** The version of the package: main.js is three folders below. */
function version(): string {
  const manifest = join(realpathSync(process.argv[1]!), '../../../../package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

void main();
