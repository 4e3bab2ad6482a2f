import { describe, expect, it } from '@jest/globals';
import { fieldsOf, valueOf } from '../../../lib/dashboard/call/schema-fields.js';

const value = (schema: Record<string, unknown>, entered: Readonly<Record<string, string>>): unknown =>
  valueOf(fieldsOf(schema)!, ({ path }) => entered[path.join('.')] ?? '', JSON.parse);

describe('fieldsOf()', () => {
  it('an object without fields is a form without fields, whose value is an empty object', () => {
    const schema = { type: 'object', properties: {} };
    expect(fieldsOf(schema)).toStrictEqual([]);
    expect(value(schema, {})).toStrictEqual({});
  });

  it('a field that is left empty is left out, unless it is needed', () => {
    const schema = {
      type: 'object',
      properties: { dry: { type: 'boolean' }, name: { type: 'string' }, count: { type: 'integer' } },
      required: ['name'],
    };
    expect(value(schema, {})).toStrictEqual({ name: '' });
    expect(value(schema, { dry: 'false', count: '3' })).toStrictEqual({ dry: false, name: '', count: 3 });
    expect(() => value({ ...schema, required: ['count'] }, {})).toThrow('count is needed');
  });

  it.each([undefined, {}, { type: 'object' }, { anyOf: [] }, { type: 'array' }])('%j has no form', (schema) => {
    expect(fieldsOf(schema)).toBeUndefined();
  });
});
