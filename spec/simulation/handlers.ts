import { Observable, tap } from 'rxjs';
import { bind, type Bound, type Call, type GridEvent, type Handles } from '../../lib/index.js';
import { rules, type CallRecord, type Flow, type Ledger } from './ledger.js';
import { ask, askByName, echo, hopKey, metaKey, relay, serve, talk, windows, type Script } from './routes.js';
import { sleep, sourceOf, throwing } from './source.js';
import { take } from './take.js';
import { PlannedThrow, type Reported } from './throws.js';

/** The handler cannot go on without its input. */
export class InputFailed extends Error {
  constructor(cause: unknown) {
    super('the input failed', { cause });
  }
}

/** Who has handlers. */
interface HandlerHost extends Pick<Handles, 'handle'> {
  readonly events$: Observable<GridEvent>;
}

/** The handlers of the simulation, for a leaf. `events$` completes when the leaf is closed. */
export function boundHandlers(ledger: Ledger, events$: Observable<GridEvent>): Bound[] {
  const bound: Bound[] = [];
  const handle = (route: unknown, handler: unknown): void => {
    bound.push(bind(route as typeof ask, handler as never));
  };
  registerHandlers({ handle, events$ } as unknown as HandlerHost, ledger, () => Promise.resolve());
  return bound;
}

/** Registers the handlers of the simulation at one host. `disk`: waits for the disk of the host. */
export function registerHandlers(manager: HandlerHost, ledger: Ledger, disk: () => Promise<void>): void {
  const running =
    (record: CallRecord) =>
    (yes: boolean): void => {
      record.running += yes ? 1 : -1;
      if (yes) record.startedAt = ledger.now();
    };
  // A process that has ended reports nothing any more.
  let closedAt = Infinity;
  manager.events$.subscribe({ complete: () => (closedAt = performance.now()) });
  const thrown =
    (script: Script, place: string, mayBeLost = false, belongs: readonly Reported[] = ['events$']) =>
    (): PlannedThrow => {
      const { throws } = ledger;
      const at = performance.now();
      return throws.make(script.id, `the handler’s ${place}`, belongs, () => mayBeLost || at >= closedAt);
    };
  const failure = (script: Script): (() => PlannedThrow) => thrown(script, 'source', isLostWhenStopped(script, ledger));
  const finalizerOf = (script: Script): (() => PlannedThrow) | undefined =>
    // What a finalizer throws within an operator of an interceptor is dropped by rxjs, where the stream completes.
    script.throws === 'finalizer' ? thrown(script, 'finalizer', ledger.line.intercepted) : undefined;
  /** What of the code of this handler throws. */
  const explosives = (
    script: Script,
    input?: Flow,
  ): Pick<Parameters<typeof sourceOf>[0], 'failure' | 'finalizer' | 'projection'> => {
    const make = (): PlannedThrow => {
      // The rest of the input is discarded, and its credit returned, until the caller has received the error.
      if (input !== undefined) input.abandoned = true;
      return thrown(script, 'projection')();
    };
    return {
      failure: failure(script),
      finalizer: finalizerOf(script),
      projection: script.throws === 'projection' ? { at: script.throwAt ?? 0, make } : undefined,
    };
  };
  const inputThrows = (script: Script, flow: Flow): Parameters<typeof take>[1]['throws'] => {
    // What becomes of the input may be of no more interest to the handler.
    const isProjection = script.throws === 'inputProjection';
    // rxjs reports what ends behind a timer of its own, and gives the subscriber what ends within its subscribe.
    const belongs: readonly Reported[] = ['events$', 'unhandled', 'caught'];
    const place = isProjection ? 'projection' : 'finalizer';
    if (script.throws !== 'inputProjection' && script.throws !== 'inputFinalizer') return undefined;
    const make = thrown(script, `input’s ${place}`, isProjection, belongs);
    return {
      place,
      at: script.throwAt ?? 0,
      make: () => {
        flow.abandoned = true;
        return make();
      },
      ledger: ledger.throws,
    };
  };
  /**
   * A handler begins. A second one for one call is a fault, but for the leaf of a relay, and where a broken peer sends
   * the opening of a call twice: when the call has ended in between, nothing tells its second opening from a new call.
   */
  const begin = (script: Script, call: Pick<Call<unknown>, 'meta'>): CallRecord => {
    const record = ledger.calls.get(script.id)!;
    if (script.via !== '') {
      checkMeta(record, call.meta, ledger);
      checkArrival(record, ledger);
      record.runs++;
      if (record.runs > 1) {
        if (!ledger.tampered(record)) ledger.violate(rules.once, record, `${record.runs} handlers`);
        record.out.produceAgain();
        record.in.consumeAgain();
      }
    }
    if (script.throws === 'handler') throw thrown(script, 'function')();
    return record;
  };
  const answer = (script: Script, call: Call<never>): Uint8Array | Promise<Uint8Array> | Observable<Uint8Array> => {
    const record = begin(script, call);
    const give = (): Uint8Array => {
      if (script.failAt >= 0) throw failure(script)();
      return record.out.produce(script.size, false);
    };
    switch (script.form) {
      case 'value':
        return give();
      case 'observable':
      case 'buffered':
        return throwing(
          new Observable<Uint8Array>((subscriber) => {
            running(record)(true);
            if (neverAnswers(script)) return () => running(record)(false);
            const timer = setTimeout(() => {
              try {
                subscriber.next(give());
                subscriber.complete();
              } catch (error) {
                subscriber.error(error);
              }
            }, script.pace);
            return () => {
              clearTimeout(timer);
              running(record)(false);
            };
          }),
          explosives(script),
        );
      case 'generator':
        if (neverAnswers(script)) return untilAborted(call, running(record));
        return sleep(script.pace).then(give);
      case 'iterable':
      case 'readable':
        return sleep(script.pace).then(give);
      case 'promise':
        return disk()
          .then(() => sleep(script.pace))
          .then(give);
    }
  };
  manager.handle(ask, answer);
  manager.handle(askByName, answer);
  for (const window of windows) {
    manager.handle(serve[window], (script, call) => {
      const record = begin(script, call);
      return sourceOf({ ...script, ...explosives(script), flow: record.out, running: running(record) });
    });
    manager.handle(relay[window], (script, call) => {
      const record = begin(script, call);
      const source = call.connection(`http://${script.via}`).stream(serve[window], { ...script, via: '' });
      return script.taker === 'forAwait'
        ? each(source, running(record), finalizerOf(script))
        : throwing(source, explosives(script));
    });
    manager.handle(talk[window], (script, call) => {
      const record = begin(script, call);
      let over = false as boolean;
      const taken = new Promise<void>((resolve, reject) => {
        const takeInput = (): void => {
          // The input of a handler that has ended cannot be taken any more.
          if (over) return;
          take(call.input, {
            flow: record.in,
            taker: script.taker,
            takes: script.takes,
            stopAfter: 0,
            stopped: () => undefined,
            throws: inputThrows(script, record.in),
            ended: (end) => {
              if ('error' in end) reject(end.error instanceof PlannedThrow ? end.error : new InputFailed(end.error));
              else {
                checkInput(record, ledger);
                resolve();
              }
            },
          });
        };
        if (script.late === 0) takeInput();
        else setTimeout(takeInput, script.late);
      });
      // Whether anybody listens is the source's affair.
      taken.catch(() => undefined);
      const run = (yes: boolean): void => {
        over = !yes;
        running(record)(yes);
      };
      return sourceOf({ ...script, ...explosives(script), flow: record.out, running: run, until: taken });
    });
    manager.handle(echo[window], (script, call) => {
      const record = begin(script, call);
      const pass = (item: Uint8Array): void => {
        record.in.deliver(item);
        record.in.released++;
        record.out.pass();
      };
      return script.taker === 'forAwait'
        ? each(call.input, running(record), finalizerOf(script), pass)
        : throwing(
            call.input.pipe(
              tap({
                next: pass,
                complete: () => {
                  record.in.completed = true;
                  checkInput(record, ledger);
                },
              }),
            ),
            explosives(script, record.in),
          );
    });
  }
}

/**
 * Whether nobody reports the failure of a source that is stopped before its stream came to it: a ReadableStream drops
 * it, and so does the buffer of bufferBounded that stands behind an operator, as observeOn() of rxjs does.
 */
function isLostWhenStopped({ form, throws }: Script, { line }: Ledger): boolean {
  const hasOperators = line.intercepted || throws === 'finalizer' || throws === 'projection';
  return form === 'readable' || (form === 'buffered' && hasOperators);
}

/** A call whose deadline has passed while it waited to be read is not begun. */
function checkArrival({ operation, arrival }: CallRecord, ledger: Ledger): void {
  if (arrival === undefined) return;
  const { reasons } = ledger;
  const now = ledger.now();
  const late = now - arrival.last - reasons.drift(now - arrival.at);
  if (late <= 0 || reasons.pausedFor(operation.to, arrival.at, now) > 0) return;
  const call = ledger.calls.get(operation.script.id)!;
  ledger.violate(rules.late, call, `its handler begins ${late} ms after its deadline`);
}

/** An input that completes is whole: one that was cut off ends with an error. */
function checkInput(record: CallRecord, ledger: Ledger): void {
  const { operation, in: flow, runs } = record;
  const { items } = operation.input;
  if (runs > 1 || ledger.tampered(record) || flow.delivered === items) return;
  ledger.violate(rules.whole, record, `its input completed after ${flow.delivered} of ${items} items`);
}

/** The handler has the metadata of its caller, and that of the interceptor, where both sides know metadata. */
function checkMeta(record: CallRecord, meta: Readonly<Record<string, string>>, ledger: Ledger): void {
  const { from, to, route, script } = record.operation;
  if (!ledger.areCurrent(from, to) || ledger.tampered(record)) return;
  const given = meta[metaKey];
  if (given !== script.meta) {
    ledger.violate(rules.meta, record, `the handler found ${given ?? 'none'} instead of ${script.meta ?? 'none'}`);
  }
  // An open stream passes no interceptors of its caller.
  const hop = ledger.line.intercepted && route !== 'open' ? to : undefined;
  if (meta[hopKey] !== hop) ledger.violate(rules.meta, record, `the hop is ${meta[hopKey] ?? 'none'}`);
}

async function* each(
  source: AsyncIterable<Uint8Array>,
  running: (yes: boolean) => void,
  finalizer: (() => Error) | undefined,
  pass: (item: Uint8Array) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  running(true);
  try {
    for await (const item of source) {
      pass(item);
      yield item;
    }
  } finally {
    running(false);

    if (finalizer !== undefined) throw finalizer();
  }
}

/** The unary handler answers nobody: it ends when the call does. */
function neverAnswers({ failAt, items }: Script): boolean {
  return failAt < 0 && items > 20;
}

function untilAborted(call: Call<never>, running: (yes: boolean) => void): Promise<never> {
  running(true);
  return new Promise((_, reject) => {
    call.signal.addEventListener('abort', () => {
      running(false);
      reject(call.signal.reason as Error);
    });
  });
}
