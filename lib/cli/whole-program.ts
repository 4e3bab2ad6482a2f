import { Command } from 'commander';
import type { CommandEntry } from './commands.js';

/** The program with all commands loaded (main hands them over: a build would make a file of what two files import): what the help, the man page and the completion are made of. */
export async function wholeProgram(entries: readonly CommandEntry[]): Promise<Command> {
  const program = new Command('rxgrid').description('Works with hosts of a grid, as a leaf.');
  const adders = await Promise.all(entries.map(({ load }) => load()));
  // Some commands come together.
  for (const add of new Set(adders)) add(program, async () => undefined, entries);
  return program;
}

/** The commands of a program, with those below them: `context add`. */
export function allCommands(
  command: Command,
  path: readonly string[] = [],
): { readonly path: string; readonly command: Command }[] {
  return command.commands.flatMap((each) => {
    const own = [...path, each.name()];
    return [{ path: own.join(' '), command: each }, ...allCommands(each, own)];
  });
}
