import { describe, expect, it } from '@jest/globals';
import { Observable, of } from 'rxjs';
import { foreignObservableHint } from '../../lib/flow/foreign-observable.js';

const subscribe = (): void => undefined;
const unreadable = Object.defineProperty({}, 'subscribe', {
  get: () => {
    throw new Error('boom');
  },
});

describe('the hint on a foreign Observable that rxjs refuses', () => {
  it('says that two copies of rxjs are loaded, and how to have one', () => {
    // As of an rxjs without lift, which isObservable does not know.
    const hint = foreignObservableHint({ subscribe, pipe: () => undefined });
    expect(hint).toMatch(/^ It is an Observable, but of another copy of rxjs: two copies of rxjs are loaded\./);
    expect(hint).toContain('npm ls rxjs');
    expect(hint).toContain('npm dedupe');
  });

  it('says how to convert an Observable of another library', () => {
    expect(foreignObservableHint({ subscribe })).toContain('convert it with from(…)');
  });

  it.each<[string, unknown]>([
    ['an Observable', of(1)],
    ['one of a subclass', new (class extends Observable<number> {})()],
    ['an Observable of a copy of rxjs that isObservable knows', { subscribe, lift: subscribe, pipe: subscribe }],
    ['an object', { pipe: subscribe }],
    ['a function', subscribe],
    ['null', null],
    ['nothing', undefined],
    ['a text', 'subscribe'],
    ['an object that cannot be read', unreadable],
  ])('is empty for %s', (_, value) => {
    expect(foreignObservableHint(value)).toBe('');
  });
});
