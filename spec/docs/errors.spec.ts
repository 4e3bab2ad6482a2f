import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as core from '../../lib/index.js';
import * as files from '../../lib/files/index.js';
import * as node from '../../lib/node/index.js';
import * as recording from '../../lib/recording/index.js';

/*
 * The table of errors in the guide has each class that the package exports, with its code.
 */

type ErrorClass = new (...args: unknown[]) => core.GridError;

const page = readFileSync(resolve(__dirname, '../../docs/guide/errors.md'), 'utf8');
const rows = [...page.matchAll(/^\| `(\w+Error)`\s*\| (.*?)\s*\|/gm)].map(([, name, codes]) => ({
  name: name!,
  codes: codes!,
}));
const bases = ['GridError', 'DeclaredError', 'FileError'];

const isErrorClass = (value: unknown): boolean =>
  typeof value === 'function' && Object.prototype.isPrototypeOf.call(core.GridError, value);

const exported = Object.entries({ ...core, ...files, ...node, ...recording }).flatMap(([name, value]) =>
  isErrorClass(value) && !bases.includes(name) ? [{ name, made: value as unknown as ErrorClass }] : [],
);
const ofFiles = ({ made }: { readonly made: ErrorClass }): boolean =>
  Object.prototype.isPrototypeOf.call(files.FileError, made);

it('names each class that the package exports, and no other', () => {
  const names = exported.filter((each) => !ofFiles(each)).map(({ name }) => name);
  expect([...new Set(rows.map(({ name }) => name))].sort()).toStrictEqual([...names, 'FileError'].sort());
  const ofTransfers = readFileSync(resolve(__dirname, '../../docs/files.md'), 'utf8');
  for (const { name } of exported.filter(ofFiles)) expect(ofTransfers).toContain(name);
});

it.each(exported.filter((each) => !ofFiles(each)))('has the code of $name', ({ name, made }) => {
  const { code } = name === 'QuorumError' ? new core.QuorumError(1, 0, []) : new made('text', {}, 'unauthenticated');
  const codes = rows.filter((row) => row.name === name).map((row) => row.codes);
  const open = ['RefusedError', 'RemoteError', 'ListenError'].includes(name);
  if (open) expect(codes.join()).toMatch(/several|of the system/);
  else expect(codes.join().match(/[\w-]+/g)).toContain(code);
});
