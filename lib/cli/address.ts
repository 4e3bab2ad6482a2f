/** One end of a copy: a path here, or a host and a path in the folder that it serves. */
export type Address =
  | { readonly kind: 'local'; readonly path: string }
  | {
      readonly kind: 'remote';
      /** URL of the host, with the path of its WebSocket where it was given. */
      readonly host: string;
      readonly path: string;
    };

/** `wss://host:9000/grid:path`: the part after the authority up to the next colon is the path of the WebSocket. */
const withScheme = /^((?:wss?|https?):\/\/(?:\[[^\]]*\]|[^/:[\]]+)(?::\d+)?(?:\/[^:]*)?):(.*)$/is;
/** `host:9000:path`, or `host:path`. A slash before the first colon makes a local path, as with scp. */
const withoutScheme = /^((?:\[[^\]]*\]|[^/:[\]]+)(?::\d+(?=:))?):(.*)$/s;
const drive = /^[a-z]:[\\/]/i;

/**
 * Reads an address: `ws://host:9000:path`, `host:9000:path` and `host:path` (port 80) are remote, anything else is local. A
 * local path with a colon in its name is written with a slash before it: `./a:b`.
 */
export function parseAddress(text: string, platform: string = process.platform): Address {
  if (platform === 'win32' && drive.test(text)) return { kind: 'local', path: text };
  const url = withScheme.exec(text);
  if (url !== null) return { kind: 'remote', host: url[1]!, path: url[2]! };
  const host = /^\w+:\/\//.test(text) ? null : withoutScheme.exec(text);
  if (host !== null) return { kind: 'remote', host: `ws://${host[1]!}`, path: host[2]! };
  return { kind: 'local', path: text };
}
