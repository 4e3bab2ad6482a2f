import { describe, expect, it } from '@jest/globals';
import { checkOf } from '../../../lib/cli/request/schema-check.js';
import { schemaText } from '../../../lib/cli/request/schema-text.js';

const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: {
    disk: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
    way: { enum: ['a', 'b'] },
  },
  required: ['disk'],
  additionalProperties: false,
};

describe('checkOf', () => {
  it('names the place and the reason', async () => {
    const check = await checkOf(schema, 'the request');
    expect(() => check({ disk: 1, tags: ['x'], way: 'a' })).not.toThrow();
    expect(() => check({ disk: { $float: 5 } })).not.toThrow();
    expect(() => check({ disk: 'x' })).toThrow(/^the request does not fit the route: disk: .*"integer"/);
    expect(() => check({ disk: 1, tags: [1] })).toThrow(/tags\.0: /);
    expect(() => check({})).toThrow(/"disk"/);
    expect(() => check({ disk: 1, more: 1 })).toThrow(/more/);
  });

  it('checks nothing without a schema, nor with an unreadable one', async () => {
    for (const hostile of [undefined, { $ref: '#/none' }, { pattern: '(' }, { type: 7 }, { properties: 'x' }]) {
      const check = await checkOf(hostile, 'the request');
      expect(() => check('x')).not.toThrow(/is not a function|Cannot read/);
    }
  });

  it('aborts a pattern of a hostile host that never finishes', async () => {
    const check = await checkOf({ type: 'string', pattern: '^(a+)+$' }, 'the request');
    expect(() => check(`${'a'.repeat(60)}b`)).not.toThrow();
    expect(() => check('b')).toThrow(/does not fit/);
  });
});

describe('schemaText', () => {
  it('is short, in the style of a type', () => {
    expect(schemaText(schema)).toBe('{ disk: integer, tags?: string[], way?: "a" | "b" }');
    expect(schemaText({ anyOf: [{ type: 'string' }, { type: 'null' }] })).toBe('string | null');
    expect(schemaText(7)).toBe('any');
  });

  it('is bounded for an infinite schema, and shows no control characters', () => {
    const endless: Record<string, unknown> = { type: 'array' };
    endless.items = endless;
    expect(schemaText(endless)).toContain('…');
    expect(schemaText({ properties: { 'a\u001b': { const: '\u202e' } } })).toBe('{ a\\u001b?: "\\u202e" }');
  });
});
