import { finalize, map, Observable } from 'rxjs';
import { bufferBounded, fromReadableStream } from '../../lib/index.js';
import type { Flow } from './ledger.js';
import type { Form } from './routes.js';

/** What a {@link sourceOf} gives. */
export interface SourceOptions {
  readonly flow: Flow;
  readonly form: Form;
  readonly items: number;
  /** Virtual ms before each item. */
  readonly pace: number;
  readonly size: number;
  /** It fails before this item; -1: it does not. */
  readonly failAt: number;
  /** It ends when this has settled. */
  readonly until?: Promise<unknown> | undefined;
  /** Makes the error of its `failAt`. */
  readonly failure: () => Error;
  /** Makes the error that its finalizer throws, or the `finally` of its generator. */
  readonly finalizer?: (() => Error) | undefined;
  /** An operator behind it throws at this item, where it is an Observable. */
  readonly projection?: { readonly at: number; readonly make: () => Error } | undefined;
  /** It runs, or does not any more. */
  readonly running?: (running: boolean) => void;
}

/** More than any Observable is ahead of its consumer. */
const buffer = { capacity: 3_000, overflow: 'error' } as const;

/** More are not made at once. */
const mostAtOnce = 100;

/** The error of whatever fails because its script says so. */
export const plannedFailure = 'planned failure';

/** Virtual ms. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Items in the form that the script says: at once, pulled, or pushed. */
export function sourceOf(
  options: SourceOptions,
):
  Observable<Uint8Array> | AsyncIterable<Uint8Array> | (Iterable<Uint8Array> & object) | Promise<Iterable<Uint8Array>> {
  const { form, items, pace, until } = options;
  if (form === 'observable') return throwing(pushed(options), options);
  if (form === 'buffered') return throwing(pushed(options).pipe(bufferBounded(buffer)), options);
  if (form === 'readable') return throwing(fromReadableStream(readable(options)), options);
  if (form === 'generator' || items > mostAtOnce || until !== undefined) return paced(options);
  if (form === 'promise') return sleep(pace).then(() => atOnce(options));
  return form === 'value' ? [...atOnce({ ...options, failAt: -1, finalizer: undefined }, false)] : atOnce(options);
}

/** The same items, from a source that throws as it should. */
export function throwing<T>(
  source: Observable<T>,
  { finalizer, projection }: Pick<SourceOptions, 'finalizer' | 'projection'>,
): Observable<T> {
  let thrower = source;
  if (projection !== undefined) {
    thrower = thrower.pipe(
      map((item, index) => {
        if (index === projection.at) throw projection.make();
        return item;
      }),
    );
  }
  if (finalizer === undefined) return thrower;
  return thrower.pipe(
    finalize(() => {
      throw finalizer();
    }),
  );
}

function* atOnce(
  { flow, items, size, failAt, running, failure, finalizer }: SourceOptions,
  pulled = true,
): Generator<Uint8Array> {
  running?.(true);
  // What a `finally` throws replaces the failure before it, which nobody could report then.
  let failed = false as boolean;
  const fail = (): never => {
    failed = true;
    throw failure();
  };
  try {
    for (let index = 0; index < items; index++) {
      if (index === failAt) fail();
      yield flow.produce(size, pulled);
    }
    if (items === failAt) fail();
  } finally {
    running?.(false);
    if (finalizer !== undefined && !failed) throw finalizer();
  }
}

async function* paced({
  flow,
  items,
  pace,
  size,
  failAt,
  until,
  running,
  failure,
  finalizer,
}: SourceOptions): AsyncGenerator<Uint8Array> {
  running?.(true);
  let failed = false as boolean;
  const fail = (): never => {
    failed = true;
    throw failure();
  };
  try {
    for (let index = 0; index < items; index++) {
      if (pace > 0) await sleep(pace);
      if (index === failAt) fail();
      yield flow.produce(size, true);
    }
    if (items === failAt) fail();
    await until;
  } finally {
    running?.(false);
    if (finalizer !== undefined && !failed) throw finalizer();
  }
}

/** The items of {@link paced}, as platforms give the bodies of files and responses. */
function readable(options: SourceOptions): ReadableStream<Uint8Array> {
  const items = paced({ ...options, finalizer: undefined });
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await items.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await items.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

function pushed({ flow, items, pace, size, failAt, until, running, failure }: SourceOptions): Observable<Uint8Array> {
  return new Observable((subscriber) => {
    running?.(true);
    subscriber.add(() => running?.(false));
    let index = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    subscriber.add(() => {
      clearTimeout(timer);
    });
    const tick = (): void => {
      while (!subscriber.closed) {
        if (index === failAt) {
          subscriber.error(failure());
          return;
        }
        if (index === items) {
          if (until === undefined) subscriber.complete();
          else
            until.then(
              () => subscriber.complete(),
              (error: unknown) => subscriber.error(error),
            );
          return;
        }
        subscriber.next(flow.produce(size, false));
        index++;
        if (pace === 0) continue;
        timer = setTimeout(tick, pace);
        return;
      }
    };
    if (pace === 0) tick();
    else timer = setTimeout(tick, pace);
  });
}
