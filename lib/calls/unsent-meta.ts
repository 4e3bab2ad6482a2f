import type { Report } from '../observe.js';

/** Reports the peers that cannot take metadata, although calls have some: once for each connection. */
export class UnsentMeta {
  readonly #report: Report;
  readonly #reported = new WeakSet<object>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** A call of this route was sent over `connection` without its metadata. */
  note(connection: { readonly host: string }, route: string): void {
    if (this.#reported.has(connection)) return;
    this.#reported.add(connection);
    const { host } = connection;
    this.#report({
      type: 'meta-not-sent',
      route,
      host,
      remedy: `${route}: ${host} does not take metadata (the extension meta), and gets calls without it. Put what it must know into the request.`,
    });
  }
}
