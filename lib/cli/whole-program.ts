import { Command } from 'commander';
import { commandEntries } from './commands.js';

/** The program with all commands loaded: what the help, the man page and the completion are made of. */
export async function wholeProgram(): Promise<Command> {
  const program = new Command('rxgrid').description('Works with hosts of a grid, as a leaf.');
  const adders = await Promise.all(commandEntries.map(({ load }) => load()));
  // Some commands come together.
  for (const add of new Set(adders)) add(program, async () => undefined);
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
