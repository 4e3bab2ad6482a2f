import { expect, it } from '@jest/globals';
import { claim, releaseClaim } from '../../../../lib/node/files/disk/claims.js';

let log: string[];

function claimAs(name: string, path = 'p'): void {
  claim(path, { granted: () => log.push(`${name} granted`), replaced: () => log.push(`${name} replaced`) });
}

it('the first claimant gets the claim at once, and is notified of each later one', () => {
  log = [];
  claimAs('a');
  claimAs('b');
  claimAs('c');
  expect(log).toStrictEqual(['a granted', 'a replaced', 'a replaced', 'b replaced']);
  releaseClaim('p');
  releaseClaim('p');
  releaseClaim('p');
  expect(log.slice(4)).toStrictEqual(['b granted', 'c granted']);
  claimAs('d');
  expect(log.at(-1)).toBe('d granted');
  releaseClaim('p');
});

it('claims of different files are independent', () => {
  log = [];
  claimAs('a', 'p');
  claimAs('b', 'q');
  expect(log).toStrictEqual(['a granted', 'b granted']);
  releaseClaim('p');
  releaseClaim('q');
});

it('a claim released within the call passes to the next claimant at once', () => {
  log = [];
  claim('p', {
    granted: () => log.push('a granted'),
    replaced: () => {
      log.push('a replaced');
      releaseClaim('p');
    },
  });
  claimAs('b');
  expect(log).toStrictEqual(['a granted', 'a replaced', 'b granted']);
  releaseClaim('p');
});
