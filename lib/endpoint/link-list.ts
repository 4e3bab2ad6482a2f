import { Subject, type Observable } from 'rxjs';
import type { Link } from '../connection/link.js';

/** An open connection, and the party at its other end. */
export interface OpenLink {
  readonly link: Link;
  /** Name of the host, or identity of the leaf. */
  readonly host: string;
  readonly kind: 'host' | 'leaf';
}

/** The open connections of one endpoint, for observers of the wire. */
export class LinkList {
  /** Emits each connection when it opens. */
  readonly opened$: Observable<OpenLink>;
  readonly #opened = new Subject<OpenLink>();
  readonly #open = new Set<OpenLink>();

  constructor() {
    this.opened$ = this.#opened.asObservable();
  }

  get open(): readonly OpenLink[] {
    return [...this.#open];
  }

  add(entry: OpenLink): void {
    this.#open.add(entry);
    entry.link.closed.subscribe(() => this.#open.delete(entry));
    this.#opened.next(entry);
  }

  /** No more connections open. */
  complete(): void {
    this.#opened.complete();
  }
}
