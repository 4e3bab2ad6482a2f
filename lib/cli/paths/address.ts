import { exitCodes, Failure } from '../exit/failure.js';

/** One end of a copy: a path here, a host and a path in the folder that it serves, or the pipe of the command. */
export type Address =
  | { readonly kind: 'local'; readonly path: string }
  /** `-`: standard input as a source, standard output as a target. */
  | { readonly kind: 'pipe' }
  | {
      readonly kind: 'remote';
      /** URL of the host, with the path of its WebSocket where it was given. */
      readonly host: string;
      readonly path: string;
    };

/** `wss://host:9000/grid:path`: the part after the authority up to the next colon is the path of the WebSocket. */
const withScheme = /^((?:wss?|https?):\/\/(?:\[[^\]]*\]|[^/:[\]]+)(:\d+)?(?:\/[^:]*)?):(.*)$/is;
/** `host:9000:path`, or `host:path`. A slash before the first colon makes a local path, as with scp. */
const withoutScheme = /^((?:\[[^\]]*\]|[^/:[\]]+)(:\d+(?=:))?):(.*)$/s;
const drive = /^[a-z]:[\\/]/i;
/**
 * Characters that no host and no path of a WebSocket has here. A URL would read a user before `@`, a query after `?`,
 * and a fragment after `#`, and so dial another machine than the one that the user sees.
 */
const foreign = /[@?#\\%\s<>^|"'`{}\p{Cc}]/u;

/**
 * Reads an address: `ws://host:9000:path`, `host:9000:path` and `host:path` (port 80) are remote, `-` is the pipe,
 * anything else is local. A local path with a colon in its name is written with a slash before it: `./a:b`.
 *
 * @throws Failure (usage) for an empty text, and where the part of the host has a user, a query or a fragment, or might
 * have one.
 */
export function parseAddress(text: string, platform: string = process.platform): Address {
  if (text === '') throw new Failure('a path is empty. Write . for the working folder.', exitCodes.usage);
  if (text === '-') return { kind: 'pipe' };
  if (platform === 'win32' && drive.test(text)) return { kind: 'local', path: text };
  const hasScheme = /^\w+:\/\//.test(text);
  const match = (hasScheme ? withScheme : withoutScheme).exec(text);
  if (match !== null) {
    const [, host, port, path] = match as unknown as [string, string, string | undefined, string];
    checkHost(text, host, port, path);
    return { kind: 'remote', host: hasScheme ? host : `ws://${host}`, path };
  }
  if (hasScheme) {
    throw new Failure(`${shown(text)} is not the address of a file: write ws://host:port:path.`, exitCodes.usage);
  }
  return { kind: 'local', path: text };
}

function checkHost(text: string, host: string, port: string | undefined, path: string): void {
  if (foreign.test(host)) {
    throw new Failure(
      `${shown(text)}: the part of the host has a character that it cannot have. Write host:port:path, without a user, a query or a fragment; the token is given with --token-file or RXGRID_TOKEN.`,
      exitCodes.usage,
    );
  }
  // `user:password@host:path` would dial a machine named `user`.
  if (port === undefined && /^[^/]*@/.test(path)) {
    throw new Failure(
      `${shown(text)}: an address has no user and no password. If ${shown(path)} is the path of a file, write the port before it, as in ${shown(`${host}:80:…`)}.`,
      exitCodes.usage,
    );
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
