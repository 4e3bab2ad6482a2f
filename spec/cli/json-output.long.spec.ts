import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, startCli } from '../support/programs/cli.js';
import { CommandHost } from '../support/programs/command-host.js';
import { FilesHost } from '../support/files/files-host.js';

/*
 * What the commands print with --json fits docs/guide/command.schema.json, and each definition there is of some
 * command.
 */

const schema = JSON.parse(readFileSync(resolve(__dirname, '../../docs/guide/command.schema.json'), 'utf8')) as {
  readonly $defs: Readonly<Record<string, object>>;
};
const ajv = new Ajv({ strict: false });
ajv.addSchema(schema, 'command');

let built: string;
let host: CommandHost;
let files: FilesHost;

beforeAll(async () => {
  built = buildLib();
  host = await CommandHost.start();
  files = await FilesHost.start({ writable: true, removable: true, token: 'good' });
  mkdirSync(join(files.root, 'a/b'), { recursive: true });
  writeFileSync(join(files.root, 'a/one'), 'one');
});

afterAll(async () => {
  await host.close();
  await files.close();
  rmSync(built, { recursive: true, force: true });
});

/** Commands, each with the definition of what it prints, and how many lines that are at least. */
const commands: readonly (readonly [string, number, (base: string) => string])[] = [
  ['describe', 1, () => 'describe -o json'],
  ['route', 1, () => 'describe count -o json'],
  ['ping', 3, () => 'ping -c 2 --interval 1 --json'],
  ['events', 1, () => 'events --no-follow --json'],
  ['top', 1, () => 'top --once --json'],
  ['bench', 1, () => 'bench --for 0.3 --json'],
  ['bench', 1, () => 'bench count -d {"to":9} --for 0.3 --json'],
  ['context', 1, () => 'context ls --json'],
  ['entry', 2, (base) => `ls -R --json ${base}:a`],
  ['entry', 1, (base) => `stat --json ${base}:a`],
  ['cp', 2, (base) => `cp -r --json ${base}:a /dev/shm/rxgrid-json-${String(process.pid)}`],
  ['cp', 2, (base) => `cp -rn --json ${base}:a /dev/shm/rxgrid-json-none`],
  ['cp', 1, (base) => `cp --json ${base}:none .`],
];

it.each(commands)('%s: %s lines or more', async (name, least, line) => {
  const config = join(files.root, 'config.json');
  writeFileSync(config, JSON.stringify({ current: 'x', contexts: { x: { host: 'a:1', tokenFile: 'f' } } }));
  const env = { RXGRID_TOKEN: 'good', RXGRID_HOST: host.url, RXGRID_CONFIG: config };
  if (name === 'events') await endOf(startCli(built, ['ping'], { ...env, RXGRID_TOKEN: 'bad' }));
  const { stdout } = await endOf(startCli(built, line(files.name.replace('http:', 'ws:')).split(' '), env));
  const values = name === 'describe' || name === 'route' ? [stdout] : stdout.split('\n').filter((each) => each !== '');
  expect(values.length).toBeGreaterThanOrEqual(least);
  const fits = ajv.getSchema(`command#/$defs/${name}`)!;
  for (const value of values) expect([fits(JSON.parse(value)), fits.errors, value]).toStrictEqual([true, null, value]);
  rmSync(`/dev/shm/rxgrid-json-${String(process.pid)}`, { recursive: true, force: true });
});

it('has no unused definition', () => {
  const used = new Set([...commands.map(([name]) => name), 'payload', 'window']);
  expect(Object.keys(schema.$defs).filter((name) => !used.has(name))).toStrictEqual([]);
});
