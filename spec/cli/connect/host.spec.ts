import { expect, it } from '@jest/globals';
import { failureOf } from '../../../lib/cli/connect/host.js';
import { failureText } from '../../../lib/cli/exit/failure-text.js';
import { RefusedError } from '../../../lib/errors.js';

const caused = (message: string, code?: string): Error => Object.assign(new Error(message), { code });

it.each([
  [caused('404: is the grid served at another path?'), /another path\?$/],
  [caused('connect ECONNREFUSED', 'ECONNREFUSED'), /ECONNREFUSED\. Is a host running at this address/],
  [caused('getaddrinfo ENOTFOUND x', 'ENOTFOUND'), /x\. The name has no address/],
  [
    new Error('failed.', { cause: caused('wrong version', 'ERR_SSL_WRONG_VERSION_NUMBER') }),
    /failed\. Does the host speak TLS/,
  ],
  [caused('reset'), /reset\. Is a host running/],
])('a failure to connect carries matching advice: %s', (cause, text) => {
  const { message } = failureOf('ws://x', 1_000, cause);
  expect(message).toMatch(text);
  expect(message).not.toContain('--timeout');
});

it('--timeout is named where the host did not answer in time', () => {
  expect(failureOf('ws://x', 1_000, undefined).message).toContain('--timeout');
});

it('a host without files carries one piece of advice', () => {
  const refused = new RefusedError('No handler. Register one there.', 'No handler.', { code: 'unimplemented' });
  expect(failureText(refused, false)).toBe(
    'the host serves no files. It has to call serveFiles(…), as rxgrid serve --root does.',
  );
});
