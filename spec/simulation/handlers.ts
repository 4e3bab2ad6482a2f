import { Observable, tap } from 'rxjs';
import type { Call, Manager } from '../../lib/index.js';
import { rules, type CallRecord, type Ledger } from './ledger.js';
import { ask, askByName, echo, relay, serve, talk, windows, type Script } from './routes.js';
import { plannedFailure, sleep, sourceOf } from './source.js';
import { take } from './take.js';

/** Registers the handlers of the simulation at one host. */
export function registerHandlers(manager: Manager, ledger: Ledger): void {
  const running =
    (record: CallRecord) =>
    (yes: boolean): void => {
      record.running += yes ? 1 : -1;
    };
  /**
   * A handler begins. A second one for one call is a fault, but for the leaf of a relay, and where a broken peer sends the
   * opening of a call twice: when the call has ended in between, nothing tells its second opening from a new call.
   */
  const begin = (script: Script): CallRecord => {
    const record = ledger.calls.get(script.id)!;
    if (script.via !== '') {
      record.runs++;
      if (record.runs > 1) {
        if (!ledger.duplicates) ledger.violate(rules.once, record, `${record.runs} handlers`);
        record.out.produceAgain();
        record.in.consumeAgain();
      }
    }
    return record;
  };
  const answer = (script: Script, call: Call<never>): Uint8Array | Promise<Uint8Array> | Observable<Uint8Array> => {
    const record = begin(script);
    const give = (): Uint8Array => {
      if (script.failAt >= 0) throw new Error(plannedFailure);
      return record.out.produce(script.size, false);
    };
    switch (script.form) {
      case 'value':
        return give();
      case 'observable':
        return new Observable((subscriber) => {
          running(record)(true);
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
        });
      case 'generator':
        // Answers nobody: it ends when the call does.
        if (script.failAt < 0 && script.items > 20) return untilAborted(call, running(record));
        return sleep(script.pace).then(give);
      case 'iterable':
      case 'promise':
        return sleep(script.pace).then(give);
    }
  };
  manager.handle(ask, answer);
  manager.handle(askByName, answer);
  for (const window of windows) {
    manager.handle(serve[window], (script) => {
      const record = begin(script);
      return sourceOf({ ...script, flow: record.out, running: running(record) });
    });
    manager.handle(relay[window], (script, call) => {
      const record = begin(script);
      const source = call.connection(`http://${script.via}`).stream(serve[window], { ...script, via: '' });
      return script.taker === 'forAwait' ? each(source, running(record)) : source;
    });
    manager.handle(talk[window], (script, call) => {
      const record = begin(script);
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
            ended: (end) => {
              if ('error' in end) reject(new Error('the input failed', { cause: end.error }));
              else resolve();
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
      return sourceOf({ ...script, flow: record.out, running: run, until: taken });
    });
    manager.handle(echo[window], (script, call) => {
      const record = begin(script);
      const pass = (item: Uint8Array): void => {
        record.in.deliver(item);
        record.in.released++;
        record.out.pass();
      };
      return script.taker === 'forAwait'
        ? each(call.input, running(record), pass)
        : call.input.pipe(tap({ next: pass, complete: () => (record.in.completed = true) }));
    });
  }
}

async function* each(
  source: AsyncIterable<Uint8Array>,
  running: (yes: boolean) => void,
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
  }
}

function untilAborted(call: Call<never>, running: (yes: boolean) => void): Promise<never> {
  running(true);
  return new Promise((_, reject) => {
    call.signal.addEventListener('abort', () => {
      running(false);
      reject(new Error('aborted'));
    });
  });
}
