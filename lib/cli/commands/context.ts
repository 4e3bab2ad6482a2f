import { resolve } from 'node:path';
import { configPath, readConfig, unknownContext, writeConfig, type Context } from '../connect/config.js';
import type { AddCommands } from '../commands.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { jsonText, note, print, terminalColumns, write } from '../output/output.js';
import { printable } from '../../printable.js';
import { tableLines } from '../output/table.js';

const help = `
Contexts are kept in ~/.config/rxgrid/config.json, or where RXGRID_CONFIG says. The token itself is never in that file: it names
the file of the token, or the command that prints it. In the paths of cp, ls, stat and rm the name of a context stands for its host:
prod:folder/file.

Examples:
  rxgrid context add prod --host wss://10.0.0.1:9000 --token-command 'pass show rxgrid/prod'
  rxgrid context use prod
  rxgrid context ls`;

/** Adds `rxgrid context`. */
export const addContext: AddCommands = (program, run) => {
  const context = program
    .command('context')
    .description('Names hosts, with their tokens: each command uses the current context where its flags name no host.')
    .addHelpText('after', help);
  context
    .command('add')
    .description('Adds a context, or replaces it. The first one becomes the current one.')
    .argument('<name>')
    .requiredOption('-H, --host <url>', 'the host: ws://host:port, wss://host:port or host:port')
    .option('--token-file <file>', 'a file with the token')
    .option('--token-command <command>', 'a command of the shell that prints the token')
    .option('--ca <file>', 'certificates to trust for wss://, in PEM')
    .option('--via <host>', 'make the calls through that host, to this one')
    .action((name: string, options: Context) => run(async () => add(name, options)));
  context
    .command('use')
    .description('Makes a context the current one.')
    .argument('<name>')
    .action((name: string) => run(async () => use(name)));
  context
    .command('rm')
    .description('Removes a context.')
    .argument('<name>')
    .action((name: string) => run(async () => remove(name)));
  context
    .command('ls')
    .description('Lists the contexts.')
    .option('--json', 'a line of JSON for each: name, current, host, tokenFile, tokenCommand, ca, via')
    .action((options: { readonly json?: boolean }) => run(() => list(options)));
};

function add(name: string, { host, tokenFile, tokenCommand, ca, via }: Context): number {
  if (!/^[\w.@-]+$/.test(name) || name === '__proto__') {
    throw new Failure('the name of a context may have letters, digits and . _ @ - only.', exitCodes.usage);
  }
  const path = configPath();
  const config = readConfig(path);
  // The context is used in other folders, too.
  const files = { tokenFile: tokenFile && resolve(tokenFile), ca: ca && resolve(ca) };
  const context = JSON.parse(JSON.stringify({ host, tokenCommand, via, ...files })) as Context;
  writeConfig({ current: config.current ?? name, contexts: { ...config.contexts, [name]: context } }, path);
  return exitCodes.done;
}

function use(name: string): number {
  const path = configPath();
  const config = readConfig(path);
  if (!Object.hasOwn(config.contexts, name)) throw unknownContext(name, config);
  writeConfig({ ...config, current: name }, path);
  return exitCodes.done;
}

function remove(name: string): number {
  const path = configPath();
  const config = readConfig(path);
  const { current, contexts } = config;
  if (!Object.hasOwn(contexts, name)) throw unknownContext(name, config);
  const left = Object.fromEntries(Object.entries(contexts).filter(([each]) => each !== name));
  writeConfig({ ...(current === undefined || current === name ? {} : { current }), contexts: left }, path);
  return exitCodes.done;
}

async function list({ json = false }: { readonly json?: boolean }): Promise<number> {
  const { current, contexts } = readConfig();
  const entries = Object.entries(contexts);
  if (json) {
    for (const [name, context] of entries)
      await write(`${jsonText({ name, current: name === current, ...context })}\n`);
    return exitCodes.done;
  }
  if (entries.length === 0) {
    note('there are no contexts. Add one: rxgrid context add <name> --host <url>.');
    return exitCodes.done;
  }
  const columns = ['', 'NAME', 'HOST', 'VIA', 'TOKEN'].map((title) => ({ title }));
  const rows = entries.map(([name, { host, via = '', tokenFile, tokenCommand }]) => [
    name === current ? '*' : '',
    printable(name),
    printable(host),
    printable(via),
    // The command is not printed: it may hold a secret.
    tokenFile !== undefined ? printable(tokenFile) : tokenCommand !== undefined ? 'of a command' : '',
  ]);
  for (const line of tableLines(columns, rows, terminalColumns())) await print(line);
  return exitCodes.done;
}
