import { configPath, contextOf, readConfig, type Config, type Context } from './config.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { tokenFrom, type TokenOptions } from './token.js';

/** The options of a command that name its host. */
export interface HostSelection extends TokenOptions {
  readonly host?: string;
  readonly via?: string;
  readonly context?: string;
  readonly ca?: string;
}

/** The host that a command connects to: named by its flags, else by the environment, else by the context. */
export interface SelectedHost {
  readonly url: string;
  readonly via: string | undefined;
  readonly ca: string | undefined;
  /** Errors: Failure (usage) where there is none; the reason of the signal. */
  token(signal: AbortSignal): Promise<string>;
}

/** Reads flags, environment and context. @throws Failure (usage) where no host is named. */
export function selectHost(options: HostSelection, env: NodeJS.ProcessEnv): SelectedHost {
  const given = options.host ?? (env.RXGRID_HOST === '' ? undefined : env.RXGRID_HOST);
  const context = contextOf(contextName(options, env), readConfig(configPath(env)));
  const host = given ?? context?.host;
  if (host === undefined) {
    throw new Failure(
      'no host is named. Give --host ws://host:port or RXGRID_HOST, or add a context: rxgrid context add <name> --host <url>.',
      exitCodes.usage,
    );
  }
  return selectedHost(urlOf(host), context, options, env);
}

/**
 * The host of an address, whose part before the path is `host`: the name of a context, or a URL. For a URL the context
 * of the options is used where it is of the same host. @throws Failure (usage) for an unknown context.
 */
export function selectHostAt(host: string, options: HostSelection, env: NodeJS.ProcessEnv): SelectedHost {
  const config = readConfig(configPath(env));
  const named = contextNamedBy(host, config);
  if (named !== undefined) return selectedHost(urlOf(named.host), named, options, env);
  return selectedHost(host, contextOf(contextName(options, env), config), options, env);
}

/** The URL of a host: what has no scheme gets `ws://`. */
export function urlOf(host: string): string {
  return /^\w+:\/\//.test(host) ? host : `ws://${host}`;
}

function selectedHost(
  url: string,
  context: Context | undefined,
  options: HostSelection,
  env: NodeJS.ProcessEnv,
): SelectedHost {
  // A token goes to no other host than the one it is configured for.
  const own = context !== undefined && urlOf(context.host) === url ? context : undefined;
  return {
    url,
    via: options.via ?? own?.via,
    ca: options.ca ?? own?.ca,
    token: (signal) => tokenFrom(options, env, own, signal),
  };
}

function contextName({ context }: HostSelection, env: NodeJS.ProcessEnv): string | undefined {
  return context ?? (env.RXGRID_CONTEXT === '' ? undefined : env.RXGRID_CONTEXT);
}

// `name:path` without a port: an address has `ws://` before it by then.
function contextNamedBy(host: string, { contexts }: Config): Context | undefined {
  const [, name] = /^ws:\/\/([^/:[\]]+)$/.exec(host) ?? [];
  return name !== undefined && Object.hasOwn(contexts, name) ? contexts[name] : undefined;
}
