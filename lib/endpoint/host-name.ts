import { ConfigurationError } from '../errors.js';

/** Default path of the WebSocket. It identifies the version of the protocol (wire protocol, section 1). */
export const defaultPath = '/minio/grid/v1';

/** Maximum length of a name in bytes of UTF-8, as limited by the handshake. */
const maxBytes = 1 << 10;

/**
 * Checks the name of a host, and returns it unchanged: an http or https URL with a host and perhaps a port, such as
 * `http://10.0.0.1:9000`. Names are compared byte for byte, so only one form is accepted: `http://a` and `http://a/`
 * would be two hosts. Upper case and an explicit default port are not normalized.
 *
 * @throws ConfigurationError if the name has another form; the message contains the corrected form if there is one.
 */
export function parseHost(name: string): string {
  const parts = /^(https?):\/\/([^\s/\\?#@]+)$/.exec(name);
  // The last colon of a name without port: in [::1] it is inside the brackets.
  if (parts === null || name.endsWith(':') || !isAuthority(parts[2]!)) throw refusal(name);
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > maxBytes) {
    throw new ConfigurationError(`A host name has ${bytes} bytes; the limit is ${maxBytes}.`);
  }
  return name;
}

/**
 * The WebSocket URL at which a host is dialed: http becomes ws, https becomes wss, and the path follows (wire protocol,
 * section 1).
 *
 * @param host - A name that {@link parseHost} accepts.
 * @param path - An absolute path, such as `/minio/grid/v1`.
 * @throws ConfigurationError when the path does not start with a slash, or has a query or a fragment.
 */
export function dialUrl(host: string, path: string): string {
  if (!/^\/[^\s?#]*$/.test(path)) {
    throw new ConfigurationError(
      `The path "${path}" must start with "/" and have no query: for example "/minio/grid/v1".`,
    );
  }
  return `ws${host.slice('http'.length)}${path}`;
}

/** True when connections to the host are TLS. */
export function usesTls(host: string): boolean {
  return host.startsWith('https://');
}

function refusal(name: string): ConfigurationError {
  const corrected = correct(name);
  // The part before an @ may be a password, and error messages end up in logs.
  const shown = name.includes('@') ? 'A host name with an "@"' : `The host name ${JSON.stringify(name)}`;
  const remedy = corrected === undefined ? 'write it like "http://10.0.0.1:9000"' : `write "${corrected}"`;
  return new ConfigurationError(`${shown} is not http(s)://host[:port] and nothing else: ${remedy}.`);
}

/** The name that was probably meant; undefined if that would be a guess. */
function correct(name: string): string | undefined {
  const parts = /^(?:(https?|wss?):[/\\]*)?(?:[^/\\]*@)?([^\s/\\?#@]+)([^@]*)$/i.exec(name.trim());
  if (parts === null) return undefined;
  const scheme = /^(https|wss)$/i.test(parts[1] ?? '') ? 'https' : 'http';
  const authority = parts[2]!.replace(/:$/, '');
  return isAuthority(authority) ? `${scheme}://${authority}` : undefined;
}

/** Validates host and port with the platform's URL parser. */
function isAuthority(authority: string): boolean {
  const url = `http://${authority}`;
  return URL.canParse(url) && new URL(url).hostname !== '';
}
