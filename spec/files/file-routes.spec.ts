import { describe, expect, it } from '@jest/globals';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { fileRoutes } from '../../lib/files/file-routes.js';

const issueOf = (shape: unknown, value: unknown): string | undefined => {
  const result = (shape as StandardSchemaV1)['~standard'].validate(value);
  if ('then' in result) throw new Error('It must be synchronous.');
  return result.issues?.[0]?.message;
};
const sha256 = new Uint8Array(32);
const { stat, list, read, write } = fileRoutes;

describe('a file route accepts', () => {
  it.each<[string, unknown, unknown]>([
    ['a stat', stat.request, { path: '', partial: true }],
    ['a list', list.request, { path: 'a', recursive: false, batches: true }],
    ['a wanted file', read.input, { path: 'a', as: 'b', offset: 0, length: 5, hash: 'sha256' }],
    ['what is there', read.input, { path: 'a', have: { length: 1, sha256 } }],
    ['a write', write.request, { path: 'a', folder: true, resume: true, fsync: false }],
    ['a field of a later version', write.request, { path: 'a', later: 1 }],
    ['an answer', stat.response, { value: {} }],
    ['a failure', stat.response, { failure: { code: 'file-io', message: '' } }],
    ['a time before 1970', list.output, { value: { path: 'a', type: 'file', size: 1, mtime: -5, mode: 0 } }],
    ['a batch', list.output, { values: [] }],
    ['a progress', write.output, { kind: 'progress', files: 1, bytes: 2 }],
    ['a failed file', write.output, { kind: 'failure', path: '', code: 'x', message: 'y' }],
  ])('%s', (_, shape, value) => {
    expect(issueOf(shape, value)).toBeUndefined();
  });
});

describe('a file route refuses', () => {
  it.each([undefined, null, 5, 'a', [], {}, { path: 5 }, { path: null }, { path: ['..'] }, { path: { a: 1 } }, sha256])(
    '%p in each place',
    (value) => {
      for (const shape of [stat.request, list.request, read.input, write.request, stat.response, write.output]) {
        expect(issueOf(shape, value)).toBeDefined();
      }
    },
  );

  it.each<[string, unknown, Record<string, unknown>]>([
    ['offset', read.input, { offset: -1 }],
    ['offset', read.input, { offset: 1.5 }],
    ['offset', read.input, { offset: 2 ** 53 }],
    ['length', read.input, { length: Infinity }],
    ['length', read.input, { length: NaN }],
    ['hash', read.input, { hash: 5 }],
    ['have', read.input, { have: 5 }],
    ['have', read.input, { have: { length: -1, sha256 } }],
    ['have', read.input, { have: { length: 1, sha256: new Uint8Array(31) } }],
    ['have', read.input, { have: { length: 1, sha256: 1 } }],
    ['as', read.input, { as: 5 }],
    ['recursive', list.request, { recursive: 'yes' }],
    ['folder', write.request, { folder: 'yes' }],
    ['partial', stat.request, { partial: 1 }],
  ])('a wrong %s', (field, shape, fields) => {
    expect(issueOf(shape, { path: 'a', ...fields })).toMatch(new RegExp(`^${field}: `));
  });

  it.each<[string, unknown]>([
    ['a size', { value: { path: 'a', type: 'file', size: -1, mtime: 0, mode: 0 } }],
    ['a type', { value: { path: 'a', type: 'link', size: 1, mtime: 0, mode: 0 } }],
    ['a path', { values: [{ path: 5, type: 'file', size: 1, mtime: 0, mode: 0 }] }],
    ['many entries', { values: Array.from({ length: 65 }, () => ({})) }],
  ])('a listing with a wrong %s', (_, value) => {
    expect(issueOf(list.output, value)).toBeDefined();
  });
});
