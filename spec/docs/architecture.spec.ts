import { expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultLimits } from '../../lib/limits.js';

const project = join(__dirname, '../..');
const text = readFileSync(join(project, 'docs/architecture.md'), 'utf8');
const entries = readdirSync(join(project, 'lib'), { recursive: true, withFileTypes: true });

/** The first cells of the table below a heading, without the quotes of code. */
function firstCells(heading: string): string[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split(/^\| -[-| ]+\|$/m).at(-1)!;
  return [...rows.matchAll(/^\| (`[^|]*)\|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  );
}

it('names existing files', () => {
  const names = [...text.matchAll(/`((?:[a-z][a-z-]*\/)*[a-z][a-z-]*\.ts)`/g)].map(([, name]) => name!);
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const isThere = (name: string): boolean =>
    name.includes('/')
      ? existsSync(join(project, 'lib', name)) || existsSync(join(project, name))
      : files.includes(name);
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !isThere(name))).toStrictEqual([]);
});

it('has a line for each folder of lib, and for no other', () => {
  const folders = readdirSync(join(project, 'lib'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const listed = firstCells('Layers').filter((name) => /^[a-z]+\/$/.test(name));
  expect([...new Set(listed)].sort()).toStrictEqual(folders.map(({ name }) => `${name}/`).sort());
});

it('has a line for each limit, and for no other', () => {
  expect(firstCells('Bounds').sort()).toStrictEqual(Object.keys(defaultLimits).sort());
});

it('has a line for each event, and for no other', () => {
  const source = readFileSync(join(project, 'lib/observe.ts'), 'utf8');
  const types = [...source.matchAll(/readonly type: '([a-z-]+)'/g)].map(([, type]) => type!);
  expect(firstCells('Events').sort()).toStrictEqual(types.sort());
});
