import { describe, expect, it } from '@jest/globals';
import { hostsFromStatefulSet } from '../../../lib/node/membership/hosts-from-stateful-set.js';

describe('hostsFromStatefulSet', () => {
  it('names the pods as the headless service does', () => {
    expect(hostsFromStatefulSet({ name: 'store', service: 'grid', replicas: 3, port: 9000 })).toStrictEqual([
      'http://store-0.grid:9000',
      'http://store-1.grid:9000',
      'http://store-2.grid:9000',
    ]);
  });

  it('accepts a namespace, a scheme, the port of the scheme and a first ordinal', () => {
    const options = {
      name: 's',
      service: 'g',
      replicas: 2,
      firstOrdinal: 5,
      namespace: 'prod',
      scheme: 'https',
    } as const;
    expect(hostsFromStatefulSet(options)).toStrictEqual(['https://s-5.g.prod.svc', 'https://s-6.g.prod.svc']);
  });

  it.each([
    [{}, /needs name/],
    [{ name: 's', service: 'g', replicas: 0 }, /replicas must be a whole number, 1 or more/],
    [{ name: 's', service: 'g', replicas: 1, replica: 3 }, /Did you mean replicas/],
    [{ name: 'a/b', service: 'g', replicas: 1 }, /host name/],
  ])('refuses %j', (options, message) => {
    expect(() => hostsFromStatefulSet(options as never)).toThrow(message);
  });
});
