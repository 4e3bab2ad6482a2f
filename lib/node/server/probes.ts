import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Health } from '../../endpoint/health.js';

/** Gives the health of a host, at each request. */
export type HealthNow = () => Health;

/** Answers one request. */
export type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The probes of a path that serves a manager, by their own paths: `healthz`, whether the process is alive, and
 * `readyz`, whether the host can be sent calls. They contain numbers and no names, because the client of a probe is not
 * authenticated.
 */
export function probesOf(path: string, health: HealthNow): readonly (readonly [string, Respond])[] {
  const base = path.replace(/\/$/, '');
  return [
    [`${base}/healthz`, probe(health, ({ status }) => status !== 'closed')],
    [`${base}/readyz`, probe(health, ({ status }) => status === 'ready')],
  ];
}

function probe(health: HealthNow, isWell: (health: Health) => boolean): Respond {
  return (request, response) => {
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { ...headers, Allow: 'GET, HEAD' });
      response.end('A probe is a GET.\n');
      return;
    }
    const now = health();
    response.writeHead(isWell(now) ? 200 : 503, headers);
    response.end(`${now.status}: ${now.connected} of ${now.hosts} hosts connected, ${now.needed} needed\n`);
  };
}
