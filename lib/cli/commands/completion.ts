import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { systemRuntime } from '../../runtime.js';
import type { AddCommands, CommandEntry } from '../commands.js';
import { exitCodes } from '../exit/failure.js';
import { write } from '../output/output.js';
import { descriptionOf } from '../request/remote-route.js';
import { selectHost } from '../connect/select-host.js';
import { describeTarget, withTarget, type TargetOptions } from '../connect/target.js';
import { allCommands, wholeProgram } from '../whole-program.js';

/** Time for which the names of routes are cached, in ms. */
const cachedMs = 60_000;
/** Time that a completion waits for the host, in ms. */
const lookUpMs = 2_000;

const help = `
  bash  rxgrid completion bash > ~/.local/share/bash-completion/completions/rxgrid
  zsh   rxgrid completion zsh > "\${fpath[1]}/_rxgrid"
  fish  rxgrid completion fish > ~/.config/fish/completions/rxgrid.fish

The names of routes come from the current host (the context, or RXGRID_HOST), and are kept for a minute.`;

/**
 * Adds `rxgrid completion`, and the hidden `rxgrid complete-routes`, which the scripts of the shells call for names of
 * routes.
 */
export const addCompletion: AddCommands = (program, run, entries) => {
  program
    .command('completion')
    .description('Prints the completion of a shell: of commands, options and routes.')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', help)
    .action((shell: 'bash' | 'zsh' | 'fish') =>
      run(async () => {
        await write(scripts[shell](await wordsOf(entries)));
        return exitCodes.done;
      }),
    );
  describeTarget(program.command('complete-routes', { hidden: true })).action((options: TargetOptions) =>
    run((signal) => printRoutes(options, signal)),
  );
};

/** The words after `rxgrid`, and after each command. */
export type Words = ReadonlyMap<string, readonly string[]>;

async function wordsOf(entries: readonly CommandEntry[]): Promise<Words> {
  const program = await wholeProgram(entries);
  const words = new Map<string, readonly string[]>([['', [...namesOf(program), '--help', '--version']]]);
  for (const { path, command } of allCommands(program)) words.set(path, [...namesOf(command), ...optionsOf(command)]);
  return words;
}

function namesOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name());
}

function optionsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
}

const takesRoute = ['call', 'stream', 'describe'];
const isSub = (path: string): boolean => path.includes(' ');

// The words are names of commands and options, none of which has a character that a shell interprets.
const scripts: Readonly<Record<'bash' | 'zsh' | 'fish', (words: Words) => string>> = {
  bash: (words) => `# bash completion of rxgrid
_rxgrid() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="\${COMP_WORDS[1]}" words
  [ "$COMP_CWORD" -gt 2 ] && [ "$path" = context ] && path="$path \${COMP_WORDS[2]}"
  [ "$COMP_CWORD" -eq 1 ] && path=
  case "$path" in
${[...words].map(([path, each]) => `    '${path}') words='${each.join(' ')}' ;;`).join('\n')}
    *) words= ;;
  esac
  if [ "$COMP_CWORD" -eq 2 ] && [[ "$current" != -* ]]; then
    case "$path" in ${takesRoute.join('|')}) words="$(rxgrid complete-routes 2>/dev/null)" ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ "\${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _rxgrid rxgrid
`,
  zsh: (words) => `#compdef rxgrid
_rxgrid() {
  local route="\${words[2]}"
  (( CURRENT > 3 )) && [[ "$route" == context ]] && route="$route \${words[3]}"
  (( CURRENT == 2 )) && route=
  if (( CURRENT == 3 )) && [[ "\${words[3]}" != -* && "$route" == (${takesRoute.join('|')}) ]]; then
    compadd -- \${(f)"$(rxgrid complete-routes 2>/dev/null)"}
    return
  fi
  case "$route" in
${[...words].map(([path, each]) => `    '${path}') compadd -- ${each.join(' ')} ;;`).join('\n')}
  esac
  _files
}
_rxgrid "$@"
`,
  fish: (words) => `# fish completion of rxgrid
complete -c rxgrid -n __fish_use_subcommand -f -a '${(words.get('') ?? []).filter((word) => !word.startsWith('-')).join(' ')}'
${[...words]
  .filter(([path]) => path !== '' && !isSub(path))
  .flatMap(([path, each]) =>
    each.map((word) =>
      word.startsWith('--')
        ? `complete -c rxgrid -n '__fish_seen_subcommand_from ${path}' -l ${word.slice(2)}`
        : `complete -c rxgrid -n '__fish_seen_subcommand_from ${path}' -f -a ${word}`,
    ),
  )
  .join('\n')}
complete -c rxgrid -n '__fish_seen_subcommand_from ${takesRoute.join(' ')}' -f -a '(rxgrid complete-routes 2>/dev/null)'
`,
};

async function printRoutes(options: TargetOptions, signal: AbortSignal): Promise<number> {
  const { url, via } = selectHost(options, process.env);
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rxgrid');
  const key = createHash('sha256')
    .update(JSON.stringify([url, via]))
    .digest('hex')
    .slice(0, 32);
  const path = join(folder, `routes-${key}`);
  const cached = readCached(path);
  if (cached !== undefined) {
    await write(cached);
    return exitCodes.done;
  }
  return withTarget({ ...options, timeout: lookUpMs, quiet: true }, signal, async (target) => {
    const routes = (await descriptionOf(target))?.routes ?? [];
    // A shell would split or expand other names.
    const names = routes.map(({ name }) => name).filter((name) => /^[\w./:@-]+$/.test(name));
    const text = names.map((name) => `${name}\n`).join('');
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(path, text, { mode: 0o600 });
    } catch {
      // Where the cache cannot be written, each completion asks the host.
    }
    await write(text);
    return exitCodes.done;
  });
}

function readCached(path: string): string | undefined {
  try {
    const age = systemRuntime.wallNow() - statSync(path).mtimeMs;
    return age >= 0 && age < cachedMs ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
