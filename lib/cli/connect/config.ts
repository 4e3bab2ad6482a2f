import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isMap } from '../../check.js';
import { exitCodes, Failure } from '../exit/failure.js';

/** How to reach one host, as the flags of a command would say it. */
export interface Context {
  /** URL of the host. */
  readonly host: string;
  /** File with the token. */
  readonly tokenFile?: string;
  /** Command of the shell that prints the token. */
  readonly tokenCommand?: string;
  /** File with the certificates to trust. */
  readonly ca?: string;
  /** Host that the one at `host` makes the calls to. */
  readonly via?: string;
}

/** The configuration of a user. */
export interface Config {
  /** Name of the context that is used where a command names none. */
  readonly current?: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

/** Names of contexts that an error lists at most. */
const maxNames = 20;

const contextKeys = ['host', 'tokenFile', 'tokenCommand', 'ca', 'via'] as const;

/**
 * Path of the configuration: `RXGRID_CONFIG`, or `rxgrid/config.json` in `XDG_CONFIG_HOME`, which is `~/.config` by
 * default.
 */
export function configPath(env: NodeJS.ProcessEnv = process.env): string {
  const { RXGRID_CONFIG: path, XDG_CONFIG_HOME: folder } = env;
  if (path !== undefined && path !== '') return path;
  return join(folder !== undefined && folder !== '' ? folder : join(homedir(), '.config'), 'rxgrid', 'config.json');
}

/** Reads the configuration; a missing file counts as an empty one. @throws Failure (usage) */
export function readConfig(path = configPath()): Config {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { contexts: {} };
    throw new Failure(`the configuration ${path} cannot be read (${String(code)}).`, exitCodes.usage);
  }
  try {
    return checked(JSON.parse(text));
  } catch (error) {
    // The text of a JSON error quotes the file.
    const what = error instanceof ConfigFault ? error.message : 'it is not JSON';
    throw new Failure(
      `the configuration ${path} cannot be used: ${what}. Correct the file, or remove it.`,
      exitCodes.usage,
    );
  }
}

/** Writes the configuration, for this user alone. The old one stays until the new one is whole. @throws Failure */
export function writeConfig(config: Config, path = configPath()): void {
  const next = `${path}.${String(process.pid)}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(next, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw new Failure(
      `the configuration ${path} cannot be written (${String((error as NodeJS.ErrnoException).code)}).`,
    );
  }
}

/** The context that a command uses. @throws Failure (usage) for an unknown name. */
export function contextOf(name: string | undefined, config: Config): Context | undefined {
  const wanted = name ?? config.current;
  if (wanted === undefined) return undefined;
  if (Object.hasOwn(config.contexts, wanted)) return config.contexts[wanted];
  throw unknownContext(wanted, config);
}

/** The error for a context that does not exist, with the names of those that do. */
export function unknownContext(name: string, { contexts }: Config): Failure {
  const names = Object.keys(contexts);
  const known = names
    .slice(0, maxNames)
    .map((each) => JSON.stringify(each))
    .join(', ');
  const rest = names.length > maxNames ? ', …' : '';
  const advice = `rxgrid context add ${/^[\w.@-]+$/.test(name) ? name : '<name>'} --host ws://host:port adds one.`;
  return new Failure(
    `there is no context ${JSON.stringify(name)}. ${names.length === 0 ? 'None is configured' : `Those that are configured: ${known}${rest}`}; ${advice}`,
    exitCodes.usage,
  );
}

class ConfigFault extends Error {}

function checked(value: unknown): Config {
  if (!isMap(value)) throw new ConfigFault('it is no object');
  const { current, contexts = {} } = value;
  if (current !== undefined && typeof current !== 'string') throw new ConfigFault('"current" is no text');
  if (!isMap(contexts)) throw new ConfigFault('"contexts" is no object');
  const read = Object.entries(contexts).map(([name, context]): [string, Context] => {
    if (!isMap(context) || typeof context.host !== 'string')
      throw new ConfigFault(`context ${JSON.stringify(name)} has no "host", such as "ws://10.0.0.1:9000"`);
    const known = contextKeys.filter((key) => typeof context[key] === 'string');
    return [name, Object.fromEntries(known.map((key) => [key, context[key]])) as unknown as Context];
  });
  return { ...(current === undefined ? {} : { current }), contexts: Object.fromEntries(read) };
}
