import type { ConnectionState } from '../../connection/connection-state.js';
import { RejectedError } from '../../rejection.js';
import { connect, type LeafConnection } from '../../endpoint/leaves/leaf.js';

/** The configuration that the page loads from the host that serves it. */
export interface PageConfig {
  /** URL of the WebSocket. */
  readonly url: string;
  /** Name of the cluster; '' where it has none. */
  readonly title: string;
  /** The server adds the token to what the page sends: the page asks for none. */
  readonly hasToken: boolean;
}

const tokenKey = 'rxgrid-token';

/** Loads it. @throws Error where it cannot be loaded. */
export async function loadConfig(): Promise<PageConfig> {
  const response = await fetch('config.json');
  if (!response.ok) throw new Error(`config.json: ${response.status} ${response.statusText}`);
  const { socketPath, title, hasToken } = (await response.json()) as Partial<Record<string, unknown>>;
  const url = new URL(typeof socketPath === 'string' ? socketPath : '/', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return { url: url.href, title: typeof title === 'string' ? title : '', hasToken: hasToken === true };
}

/**
 * Takes the token of the address, `#token=…`: a fragment is not sent to the server. It is removed from the address, so
 * that it is neither shown nor shared with it.
 */
export function takeToken(): string | undefined {
  const found = /^#token=([^&]*)/.exec(location.hash);
  if (found === null) return sessionStorage.getItem(tokenKey) ?? undefined;
  const rest = location.hash.slice(found[0].length).replace(/^&/, '#');
  history.replaceState(null, '', `${location.pathname}${location.search}${rest === '#' ? '' : rest}`);
  const token = decoded(found[1] ?? '');
  sessionStorage.setItem(tokenKey, token);
  return token;
}

// An address that was typed may contain a lone percent sign.
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The page's connection as a leaf, and its token. */
export class Session {
  readonly leaf: LeafConnection;
  state: ConnectionState;
  /** Why the host did not accept the last token. */
  refused: string | undefined = undefined;
  /** True while the host asks for a new token, because the present one expires soon. */
  expires = false;
  #token: string;

  constructor(url: string, token: string, changed: (state: ConnectionState) => void) {
    this.#token = token;
    this.state = { host: url, status: 'connecting', since: 0, connects: 0 };
    this.leaf = connect(url, {
      // A strict policy forbids WebAssembly.
      checksum: 'off',
      getToken: ({ reason, refused }) => {
        this.expires = reason === 'expires';
        this.refused = refused;
        return this.#token;
      },
    });
    this.leaf.state$.subscribe((state) => {
      this.state = state;
      if (state.status === 'refused') this.refused = this.why;
      changed(state);
    });
  }

  /** Why there is no connection: the reason of a host that rejected it, which names no address of a local dashboard. */
  get why(): string | undefined {
    const { error } = this.state;
    return error?.cause instanceof RejectedError ? error.cause.reason : error?.message;
  }

  /** Uses another token, and connects with it. */
  giveToken(token: string): void {
    this.#token = token;
    sessionStorage.setItem(tokenKey, token);
    this.retry();
  }

  /** Connects again after a refusal, with the same token. */
  retry(): void {
    this.refused = undefined;
    this.expires = false;
    this.leaf.reconnect();
  }
}
