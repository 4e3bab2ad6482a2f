import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PageFile, PageFiles } from './page-files.js';

/** What the page gets to know about the host that serves it. */
export interface PageConfig {
  /** Path of the WebSocket. */
  readonly socketPath: string;
  /** Name of the cluster, which the page shows. */
  readonly title: string;
  /** The server has the token of the host: the page asks for none. */
  readonly hasToken?: true;
}

/** What a request to a server could name as its host: anything else is not repeated in a header. */
const plainHost = /^[\w.-]+(:\d{1,5})?$|^\[[\da-fA-F:.]+\](:\d{1,5})?$/;

/**
 * Answers requests for the page below a path. The page is the same for everybody and holds no secret: what it shows
 * comes over the connection of a leaf.
 */
export function pageResponder(path: string, files: PageFiles, config: () => PageConfig) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const headers = commonHeaders(request.headers.host);
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      refuse(response, 405, 'The dashboard is read with GET.\n', { ...headers, Allow: 'GET, HEAD' });
      return;
    }
    const url = request.url ?? '/';
    const asked = url.split('?', 1)[0]!;
    if (asked === path) {
      // Its files are relative to the path with a slash.
      response.writeHead(308, { ...headers, Location: `${lastPart(path)}/` }).end();
      return;
    }
    const name = asked.slice(path.length + 1);
    if (name === 'config.json') {
      const text = JSON.stringify(config());
      response.writeHead(200, { ...headers, 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(method === 'HEAD' ? undefined : text);
      return;
    }
    const file = files.get(name);
    if (file === undefined) refuse(response, 404, 'The dashboard has no such file.\n', headers);
    else send(request, response, file, headers);
  };
}

function send(
  { method, headers: asked }: IncomingMessage,
  response: ServerResponse,
  file: PageFile,
  headers: Readonly<Record<string, string>>,
): void {
  const accepted = asked['accept-encoding'];
  const zipped = typeof accepted === 'string' && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(accepted);
  // Other bytes have another tag (RFC 9110, section 8.8.3).
  const etag = zipped ? file.etag.replace(/"$/, '-gzip"') : file.etag;
  const cached = { ...headers, ETag: etag, 'Cache-Control': 'no-cache', Vary: 'Accept-Encoding' };
  if (isKnown(etag, asked['if-none-match'])) {
    response.writeHead(304, cached).end();
    return;
  }
  const body = zipped ? file.gzip : file.bytes;
  response.writeHead(200, {
    ...cached,
    'Content-Type': file.type,
    'Content-Length': body.length,
    ...(zipped ? { 'Content-Encoding': 'gzip' } : {}),
  });
  response.end(method === 'HEAD' ? undefined : body);
}

/** True where the client has what the tag stands for: a list of tags, each of which a cache may have weakened. */
function isKnown(etag: string, known: string | undefined): boolean {
  const tags = (known ?? '').split(',').map((each) => each.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

function commonHeaders(host: string | undefined): Readonly<Record<string, string>> {
  // Some browsers do not count the WebSocket of the same host as 'self'.
  const sockets = host !== undefined && plainHost.test(host) ? ` ws://${host} wss://${host}` : '';
  return {
    'Content-Security-Policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      `connect-src 'self'${sockets}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      'trusted-types lit-html',
      "require-trusted-types-for 'script'",
    ].join('; '),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
  };
}

function refuse(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(text);
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
