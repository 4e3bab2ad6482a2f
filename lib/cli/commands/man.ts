import type { Command } from 'commander';
import type { AddCommands, CommandEntry } from '../commands.js';
import { exitCodes } from '../exit/failure.js';
import { write } from '../output/output.js';
import { allCommands, wholeProgram } from '../whole-program.js';

/** Adds `rxgrid man`. */
export const addMan: AddCommands = (program, run, entries) => {
  program
    .command('man')
    .description('Prints the manual page, of all commands: rxgrid man > rxgrid.1; man ./rxgrid.1.')
    .action(() =>
      run(async () => {
        await write(await manualPage(entries));
        return exitCodes.done;
      }),
    );
};

/** The manual page, in the language of man(7), made of what `--help` prints. */
async function manualPage(entries: readonly CommandEntry[]): Promise<string> {
  const program = await wholeProgram(entries);
  const commands = allCommands(program).filter(
    ({ command }) => command.commands.length === 0 && !isHidden(program, command),
  );
  return [
    '.TH RXGRID 1',
    '.SH NAME',
    'rxgrid \\- works with hosts of a grid, as a leaf',
    '.SH SYNOPSIS',
    '.B rxgrid',
    '.I command',
    '[options] [arguments]',
    '.SH COMMANDS',
    ...commands.flatMap(({ path, command }) => sectionOf(path, command)),
    '',
  ].join('\n');
}

function isHidden(program: Command, command: Command): boolean {
  return command.parent === program && !program.createHelp().visibleCommands(program).includes(command);
}

function sectionOf(path: string, command: Command): string[] {
  const help = command.createHelp();
  const usage = help.commandUsage(command);
  return [
    `.SS ${escaped(path)}`,
    escaped(command.description()),
    '.PP',
    `.B ${escaped(usage)}`,
    ...help
      .visibleArguments(command)
      .flatMap((argument) => ['.TP', `.I ${escaped(argument.name())}`, escaped(argument.description || ' ')]),
    ...help
      .visibleOptions(command)
      .flatMap((option) => ['.TP', `.B ${escaped(help.optionTerm(option))}`, escaped(help.optionDescription(option))]),
    ...afterText(command),
  ];
}

// The text that a command prints after its help: examples and exit codes.
function afterText(command: Command): string[] {
  let all = '';
  command.configureOutput({ writeOut: (part) => (all += part) });
  command.outputHelp();
  const text = all.slice(command.helpInformation().length).trim();
  return text === '' ? [] : ['.PP', '.nf', ...text.split('\n').map(escaped), '.fi'];
}

/** A line of roff: nothing in it is a request or an escape. */
function escaped(text: string): string {
  const line = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('\n', ' ');
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
