import { expect, it } from '@jest/globals';
import { eventText } from '../../../lib/cli/output/event-text.js';

it('has the type, and each field as a word', () => {
  expect(eventText({ type: 'connected', host: 'http://a:1', ms: 3, none: undefined } as never)).toBe(
    'connected host=http://a:1 ms=3 none=',
  );
});

it('escapes a text once, so that it reads back as JSON', () => {
  const hostile = 'a \u001b[31m"b"\n\\c\u202e';
  const text = eventText({ type: 'note', hostile } as never);
  expect(text).toMatch(/^note hostile="[\u0020-\u007e]+"$/);
  expect(JSON.parse(text.slice('note hostile='.length))).toBe(hostile);
});

it('quotes what could be read as another value', () => {
  expect(eventText({ type: 't', a: '', b: 'x=y', c: '{}', d: 'a\\u001b' } as never)).toBe(
    't a="" b="x=y" c="{}" d="a\\\\u001b"',
  );
});

it('prints an object as JSON, and an error as its message', () => {
  expect(eventText({ type: 't', peer: { name: 'a\u0007' }, error: new Error('lost it') } as never)).toBe(
    't peer={"name":"a\\u0007"} error="lost it"',
  );
});

it('cuts a long text', () => {
  expect(eventText({ type: 't', a: 'x'.repeat(100_000) } as never).length).toBeLessThan(1_100);
});
