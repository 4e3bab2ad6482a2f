import { expect, it } from '@jest/globals';
import { withoutLeadingOptions } from '../../lib/cli/leading-options.js';

it.each([
  ['--context prod ping', 'ping --context prod'],
  ['--context=prod ping -c 1', 'ping --context=prod -c 1'],
  ['-q -H ws://a:1 --timeout 2s call ping', 'call -q -H ws://a:1 --timeout 2s ping'],
  ['-Hws://a:1 -q ping', 'ping -Hws://a:1 -q'],
  ['-q -H ws://a:1 help ping', 'help ping'],
  // A context may have the name of a command.
  ['--context ping ping', 'ping --context ping'],
  ['ping --context prod', 'ping --context prod'],
])('%s becomes %s', (before, after) => {
  expect(withoutLeadingOptions(before.split(' ')).join(' ')).toBe(after);
});

it.each(['', '--help', '--version', '--json ls', '--context', '--context prod', '-q --help ping', '--toString ping'])(
  '%j stays as it is',
  (args) => {
    expect(withoutLeadingOptions(args.split(' ')).join(' ')).toBe(args);
  },
);
