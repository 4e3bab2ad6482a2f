import { Command } from 'commander';
import type { CommandEntry } from './commands.js';

/**
 * The program with all commands loaded, from which the help, the man page and the completion are made. `main` passes
 * the entries: the bundler would otherwise make a chunk of the list, which both would import.
 */
export async function wholeProgram(entries: readonly CommandEntry[]): Promise<Command> {
  const program = new Command('rxgrid').description('Works with hosts of a grid, as a leaf.');
  const adders = await Promise.all(entries.map(({ load }) => load()));
  // Several entries may have the same loader.
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
