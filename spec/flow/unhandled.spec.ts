import { describe, expect, it } from '@jest/globals';
import { BehaviorSubject, finalize, Subject } from 'rxjs';
import { isolated, reportUnhandled, thrownErrors } from '../../lib/flow/unhandled.js';
import { collectUnhandled, reported } from '../support/unhandled.js';

const unhandled = collectUnhandled();
const boom = new Error('boom');
const failure = new Error('failed');
const throwBoom = (): never => {
  throw boom;
};

describe('reportUnhandled', () => {
  it('reports later, to the hook of rxjs', async () => {
    reportUnhandled(boom);
    expect(unhandled).toStrictEqual([]);
    await reported();
    expect(unhandled).toStrictEqual([boom]);
  });
});

describe('isolated', () => {
  it.each(['complete', 'error'] as const)(
    'delivers %s to all subscribers behind one whose finalizer throws',
    async (end) => {
      const source = new Subject<number>();
      const items = isolated(source);
      const log: unknown[] = [];
      items.pipe(finalize(throwBoom)).subscribe({ error: () => undefined });
      items.subscribe({ error: (error: unknown) => log.push(error), complete: () => log.push('done') });
      if (end === 'complete') source.complete();
      else source.error(failure);
      expect(log).toStrictEqual([end === 'complete' ? 'done' : failure]);
      await reported();
      expect(unhandled).toStrictEqual([boom]);
    },
  );

  it('replays like the source, and is unsubscribed from like it', () => {
    const source = new BehaviorSubject(1);
    const log: number[] = [];
    const subscription = isolated(source).subscribe((item) => log.push(item));
    source.next(2);
    subscription.unsubscribe();
    expect([log, source.observed]).toStrictEqual([[1, 2], false]);
  });
});

describe('thrownErrors', () => {
  it('unwraps errors that rxjs wraps, and nothing else', () => {
    const subject = new Subject();
    const subscription = subject.pipe(finalize(throwBoom)).subscribe();
    let wrapped: unknown;
    try {
      subscription.unsubscribe();
    } catch (error) {
      wrapped = error;
    }
    expect(thrownErrors(wrapped)).toStrictEqual([boom]);
    const group = new AggregateError([1, 2]);
    expect([group, null, 'text'].map((error) => thrownErrors(error))).toStrictEqual([[group], [null], ['text']]);
  });
});

it('thrownErrors() accepts values that cannot even be read', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(thrownErrors(proxy)[0]).toBe(proxy);
});
