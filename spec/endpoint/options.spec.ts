import { describe, expect, it } from '@jest/globals';
import { of } from 'rxjs';
import { connect, ConfigurationError, Manager, sharedSecret, staticToken } from '../../lib/index.js';
import { connect as connectInNode, Manager as NodeManager } from '../../lib/node/index.js';

const local = 'http://127.0.0.1:1';
const good = { local, hosts: [local], auth: staticToken('t') };

describe.each([
  ['the manager', Manager as new (options: never) => Manager],
  ['the manager in Node', NodeManager as new (options: never) => Manager],
])('%s', (_, Made) => {
  const make = (options: unknown) => (): Manager => new Made(options as never);

  it('accepts valid options', () => {
    expect(make(good)().local).toBe(local);
    expect(make({ ...good, hosts: of([local]), path: ['/a'], leaves: { authenticate: () => 'l' } })().local).toBe(
      local,
    );
  });

  it.each<[unknown, string]>([
    [undefined, 'Manager: the options must be an object; it is undefined.'],
    [{}, "Manager needs local: the base URL of this host, such as 'http://10.0.0.1:9000'."],
    [{ local, hosts: [] }, 'Manager needs auth: what signs and checks the tokens between hosts, such as sharedSecret('],
    [{ local, auth: good.auth }, "Manager needs hosts: a list of the base URLs of all hosts, such as ['http://10"],
    [{ ...good, hosts: local }, `or an Observable of such lists; it is '${local}'.`],
    [{ ...good, hosts: [local, null] }, 'Manager: hosts must be a list of the base URLs'],
    [{ ...good, auth: 'secret' }, "such as sharedSecret(secret); it is 'secret'."],
    [{ ...good, auht: good.auth }, 'Manager has no option auht. Did you mean auth?'],
    [{ ...good, limits: { maxDails: 3 } }, 'limits has no option maxDails. Did you mean maxDials?'],
    [{ ...good, limits: { redialInterval: undefined } }, 'limits: redialInterval must be a whole number of ms'],
    [{ ...good, checksum: false }, "Manager: checksum must be 'auto' or 'off'; it is false."],
    [{ ...good, leaves: {} }, 'leaves needs authenticate: a function that checks a token'],
    [
      { ...good, leaves: { authenticate: () => 'x', orgins: [] } },
      'leaves has no option orgins. Did you mean origins?',
    ],
    [
      { ...good, leaves: { authenticate: () => 'x', max: '9' } },
      "leaves: max must be a whole number, 0 or more; it is '9'.",
    ],
    [{ ...good, runtime: {} }, 'Manager: runtime must be a Runtime; it is an object.'],
    [{ ...good, path: 5 }, "Manager: path must be a path such as '/minio/grid/v1', or a list of paths; it is 5."],
  ])('refuses %j', (options, message) => {
    expect(make(options)).toThrow(ConfigurationError);
    expect(make(options)).toThrow(message);
  });
});

describe('options for Node only', () => {
  it.each<[unknown, string]>([
    [{ ...good, tsl: {} }, 'Manager has no option tsl. Did you mean tls?'],
    [{ ...good, tls: { certs: 'x' } }, 'Manager: tls has no option certs. Did you mean cert?'],
    [{ ...good, tls: { key: 5 } }, 'Manager: tls: key must be PEM, as a text or as bytes; it is 5.'],
    [{ ...good, zeroMask: 1 }, 'Manager: zeroMask must be true or false; it is 1.'],
  ])('refuses %j', (options, message) => {
    expect(() => new NodeManager(options as never)).toThrow(message);
    expect(() => new NodeManager(options as never)).toThrow(ConfigurationError);
  });

  it.each([{ prot: 9000 }, { port: '9000' }, { port: 65_536 }, { address: '' }])(
    'listen(%j) is refused',
    async (options) => {
      await expect(new NodeManager(good).listen(options as never)).rejects.toThrow(ConfigurationError);
    },
  );
});

describe.each([
  ['a leaf', connect],
  ['a leaf in Node', connectInNode],
])('%s', (_, dial) => {
  it.each<[unknown, string]>([
    [undefined, 'connect: the options must be an object; it is undefined.'],
    [{}, 'connect needs token or getToken, and not both'],
    [{ token: 5 }, 'connect: token must be a text, or a function'],
    [{ token: 't', handler: [] }, 'connect has no option handler. Did you mean handlers?'],
    [{ token: 't', limits: { dialTimeout: Infinity } }, 'limits: dialTimeout must be a whole number of ms'],
  ])('refuses %j', (options, message) => {
    expect(() => dial('ws://127.0.0.1:1', options as never)).toThrow(ConfigurationError);
    expect(() => dial('ws://127.0.0.1:1', options as never)).toThrow(message);
  });
});

it('sharedSecret refuses unknown options', () => {
  const secret = '0123456789abcdef0123456789abcdef';
  expect(() => sharedSecret(secret, { maxClockSkw: 1 } as never)).toThrow(
    'sharedSecret has no option maxClockSkw. Did you mean maxClockSkew?',
  );
  expect(() => sharedSecret(secret, { maxClockSkew: -1 })).toThrow(ConfigurationError);
});
