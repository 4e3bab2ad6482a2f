import { expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { NEVER } from 'rxjs';
import { DisconnectedError } from '../lib/index.js';

it('DisconnectedError prints what happened, and not the insides of its Observable', () => {
  const error = new DisconnectedError('host b is gone', { sent: true, host: 'http://b', reconnected: NEVER });
  const printed = inspect(error);
  expect(printed).toContain("code: 'disconnected'");
  expect(printed).toContain("host: 'http://b'");
  expect(printed).not.toContain('Observable');
  expect(error.reconnected).toBe(NEVER);
});
