import { beforeEach, describe, expect, it } from '@jest/globals';
import { DialGate } from '../../../lib/connection/dialing/dial-gate.js';
import { ManualRuntime } from '../../support/manual-runtime.js';

let runtime: ManualRuntime;
let gate: DialGate;
let begun: string[];
beforeEach(() => {
  runtime = new ManualRuntime();
  gate = DialGate.of(runtime);
  begun = [];
});

const enter = (name: string, most = 2): (() => void) => gate.acquire(most, 1_000, () => begun.push(name));

describe('the dial gate', () => {
  it('is shared by all users of a runtime', () => {
    expect(DialGate.of(runtime)).toBe(gate);
    expect(DialGate.of(new ManualRuntime())).not.toBe(gate);
  });

  it('lets a bounded number begin, and the others in order as these leave', () => {
    const leave = ['a', 'b', 'c', 'd', 'e'].map((name) => enter(name));
    expect(begun).toStrictEqual(['a', 'b']);
    leave[1]!();
    expect(begun).toStrictEqual(['a', 'b', 'c']);
    leave[0]!();
    leave[2]!();
    expect(begun).toStrictEqual(['a', 'b', 'c', 'd', 'e']);
    leave[3]!();
    leave[4]!();
    expect(runtime.scheduled).toBe(0);
  });

  it('counts an entrant that leaves twice only once', () => {
    const leave = enter('a', 1);
    leave();
    leave();
    const names = ['b', 'c'];
    for (const name of names) enter(name, 1);
    expect(begun).toStrictEqual(['a', 'b']);
  });

  it('takes back a waiting entrant', () => {
    const leave = ['a', 'b', 'c', 'd'].map((name) => enter(name, 1));
    leave[1]!();
    leave[0]!();
    expect(begun).toStrictEqual(['a', 'c']);
  });

  it('applies each entrant’s own bound, and skips those that may not begin yet', () => {
    const leave = enter('a', 1);
    enter('b', 1);
    const other = enter('c', 9);
    expect(begun).toStrictEqual(['a', 'c']);
    leave();
    expect(begun).toStrictEqual(['a', 'c']);
    other();
    expect(begun).toStrictEqual(['a', 'c', 'b']);
  });

  it('prevents starvation: an entrant that was skipped often goes first', () => {
    let leave = enter('other', 9);
    enter('patient', 1);
    for (let round = 0; round < 64; round++) {
      const next = enter('other', 9);
      leave();
      leave = next;
    }
    expect(begun.filter((name) => name === 'other').length).toBe(65);
    enter('late', 9);
    expect(begun.at(-1)).toBe('other');
    leave();
    expect(begun.slice(-2)).toStrictEqual(['patient', 'late']);
  });

  it('stops counting an entrant that is silent for long, also when it leaves later', () => {
    const leave = ['a', 'b', 'c', 'd', 'e'].map((name) => enter(name));
    runtime.advance(999);
    expect(begun).toStrictEqual(['a', 'b']);
    runtime.advance(1);
    expect(begun).toStrictEqual(['a', 'b', 'c', 'd']);
    leave[0]!();
    expect(begun).toStrictEqual(['a', 'b', 'c', 'd']);
    leave[2]!();
    expect(begun).toStrictEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('may be entered and left from within the start of a dial', () => {
    let inner = (): void => undefined;
    gate.acquire(1, 1_000, () => {
      begun.push('outer');
      inner = enter('inner', 1);
      inner();
      inner = enter('again', 1);
    })();
    expect(begun).toStrictEqual(['outer', 'again']);
    inner();
    expect(runtime.scheduled).toBe(0);
  });
});
