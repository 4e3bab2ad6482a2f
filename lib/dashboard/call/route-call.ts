import { finalize, Observable, Subject, type Subscription } from 'rxjs';
import type { Connection } from '../../contract/connection.js';
import { errorText } from '../../errors.js';
import type { RouteDescription } from '../../monitor/index.js';
import { consume } from '../../operators/consume.js';
import type { Runtime } from '../../runtime.js';
import { isText, duplexOf, unaryOf } from './payload.js';

/** Something that happened on a call, for its line of marbles. */
export interface Marble {
  /** Monotonic clock. */
  readonly at: number;
  readonly kind: 'sent' | 'item' | 'end' | 'error';
}

/** An item that came. */
export interface ShownItem {
  readonly number: number;
  readonly at: number;
  readonly value: unknown;
}

const maxShown = 100;
const maxMarbles = 400;
/** Time for which an item keeps its credit, in ms: with the window, it bounds the rate of a stream for this page. */
const itemTime = 100;
const callTimeout = 30_000;

/** One call from the page: its state, items and error. */
export class RouteCall {
  readonly route: RouteDescription;
  running = false;
  error: string | undefined = undefined;
  code: string | undefined = undefined;
  response: { readonly value: unknown; readonly ms: number } | undefined = undefined;
  /** The newest items, the newest first. */
  items: readonly ShownItem[] = [];
  received = 0;
  sent = 0;
  marbles: readonly Marble[] = [];
  ended = false;
  /** Why the form, or its last input, cannot be sent. */
  formError: string | undefined = undefined;
  readonly #runtime: Runtime;
  readonly #changed: () => void;
  #subscription: Subscription | undefined = undefined;
  #input: Subject<unknown> | undefined = undefined;

  constructor(route: RouteDescription, runtime: Runtime, changed: () => void) {
    this.route = route;
    this.#runtime = runtime;
    this.#changed = changed;
  }

  /** True while items can be sent. */
  get takesInput(): boolean {
    return this.#input !== undefined && this.running;
  }

  /** Calls the route. The results of an earlier call are dropped. */
  start(connection: Connection, value: unknown): void {
    this.stop();
    Object.assign(this, { error: undefined, code: undefined, response: undefined, formError: undefined });
    Object.assign(this, { items: [], marbles: [], received: 0, sent: 0, ended: false, running: true });
    const began = this.#runtime.now();
    const call$ = this.route.kind === 'unary' ? this.#unary(connection, value) : this.#duplex(connection, value);
    this.#subscription = call$.pipe(finalize(() => (this.running = false))).subscribe({
      next: (item) => {
        if (this.route.kind === 'unary')
          this.response = { value: shown(this.route, item), ms: this.#runtime.now() - began };
        this.#mark('item');
      },
      error: (error: unknown) => {
        this.running = false;
        this.error = errorText(error);
        const { code } = error as { readonly code?: unknown };
        this.code = typeof code === 'string' ? code : undefined;
        this.#mark('error');
        this.#changed();
      },
      complete: () => {
        this.running = false;
        this.ended = true;
        this.#mark('end');
        this.#changed();
      },
    });
    this.#changed();
  }

  /** Cancels the call. */
  stop(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.#input = undefined;
  }

  send(value: unknown): void {
    this.sent++;
    this.#mark('sent');
    this.#input?.next(value);
    this.#changed();
  }

  endInput(): void {
    this.#input?.complete();
    this.#input = undefined;
    this.#changed();
  }

  #unary(connection: Connection, value: unknown): Observable<unknown> {
    return connection.request(unaryOf(this.route), value, { timeout: callTimeout });
  }

  // Each item keeps its credit for a moment, so that a fast producer waits, and the page stays responsive.
  #duplex(connection: Connection, value: unknown): Observable<unknown> {
    const route = duplexOf(this.route);
    const { input } = route;
    const taken = consume(
      (item: unknown) =>
        new Observable<unknown>((subscriber) => {
          this.received++;
          this.items = [
            { number: this.received, at: this.#runtime.now(), value: shown(this.route, item) },
            ...this.items,
          ].slice(0, maxShown);
          subscriber.next(item);
          return this.#runtime.schedule(() => {
            subscriber.complete();
          }, itemTime);
        }),
      { concurrency: 64 },
    );
    if (input === undefined) return connection.stream({ ...route, input }, value).pipe(taken);
    this.#input = new Subject();
    return connection.exchange({ ...route, input }, value, this.#input).pipe(taken);
  }

  #mark(kind: Marble['kind']): void {
    this.marbles = [...this.marbles, { at: this.#runtime.now(), kind }].slice(-maxMarbles);
  }
}

// Bytes that are a text are shown as one.
function shown(route: RouteDescription, value: unknown): unknown {
  const payload = route.kind === 'unary' ? route.response : route.output;
  if (payload === undefined) return undefined;
  if (!(value instanceof Uint8Array)) return value;
  if (!isText(payload)) return value;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    return value.slice();
  }
}
