import { configPath, contextOf, readConfig, type Config, type Context } from './config.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { tokenFrom, type TokenOptions } from './token.js';

/** The options that say where a command connects to. */
export interface PlaceOptions extends TokenOptions {
  readonly host?: string;
  readonly via?: string;
  readonly context?: string;
  readonly ca?: string;
}

/** Where a command connects to, of its flags, the environment and the context, in this order. */
export interface Place {
  readonly url: string;
  readonly via: string | undefined;
  readonly ca: string | undefined;
  /** @throws Failure (usage) where there is none. */
  token(): string;
}

/** Reads flags, environment and context. @throws Failure (usage) where no host is named. */
export function placeOf(options: PlaceOptions, env: NodeJS.ProcessEnv): Place {
  const given = options.host ?? (env.RXGRID_HOST === '' ? undefined : env.RXGRID_HOST);
  const context = contextOf(contextName(options, env), readConfig(configPath(env)));
  const host = given ?? context?.host;
  if (host === undefined) {
    throw new Failure(
      'no host is named. Give --host ws://host:port or RXGRID_HOST, or add a context: rxgrid context add <name> --host <url>.',
      exitCodes.usage,
    );
  }
  return placeWith(urlOf(host), context, options, env);
}

/**
 * The place of `host`, the part of an address before its path: the name of a context, or a URL, for which the context of the
 * options counts where it is of this host. @throws Failure (usage) for a context that there is none of.
 */
export function placeOfAddress(host: string, options: PlaceOptions, env: NodeJS.ProcessEnv): Place {
  const config = readConfig(configPath(env));
  const named = contextNamedBy(host, config);
  if (named !== undefined) return placeWith(urlOf(named.host), named, options, env);
  return placeWith(host, contextOf(contextName(options, env), config), options, env);
}

/** The URL of a host: what has no scheme gets `ws://`. */
export function urlOf(host: string): string {
  return /^\w+:\/\//.test(host) ? host : `ws://${host}`;
}

function placeWith(url: string, context: Context | undefined, options: PlaceOptions, env: NodeJS.ProcessEnv): Place {
  // A token goes to no other host than the one it is configured for.
  const own = context !== undefined && urlOf(context.host) === url ? context : undefined;
  return {
    url,
    via: options.via ?? own?.via,
    ca: options.ca ?? own?.ca,
    token: () => tokenFrom(options, env, own),
  };
}

function contextName({ context }: PlaceOptions, env: NodeJS.ProcessEnv): string | undefined {
  return context ?? (env.RXGRID_CONTEXT === '' ? undefined : env.RXGRID_CONTEXT);
}

// `name:path` without a port: an address has `ws://` before it by then.
function contextNamedBy(host: string, { contexts }: Config): Context | undefined {
  const [, name] = /^ws:\/\/([^/:[\]]+)$/.exec(host) ?? [];
  return name !== undefined && Object.hasOwn(contexts, name) ? contexts[name] : undefined;
}
