import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostsFromFile, type FileHostsOptions } from '../../../lib/node/membership/hosts-from-file.js';
import { HostLists } from '../../support/membership/host-lists.js';
import { collectUnhandled, reported } from '../../support/unhandled.js';

const unhandled = collectUnhandled();

const a = 'http://a:1';
const b = 'http://b:1';
let folder: string;
let file: string;
let hosts: HostLists;

const follow = (options: FileHostsOptions = {}): HostLists =>
  // Only what the system notices: the interval would hide that it is watched.
  hosts.subscribe(hostsFromFile(file, { interval: 1_000_000, onError: hosts.onError, ...options }));

function replace(text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-hosts-'));
  file = join(folder, 'hosts');
  hosts = new HostLists();
});

afterEach(() => {
  hosts.stop();
  rmSync(folder, { recursive: true });
});

describe('hostsFromFile', () => {
  it('reads a JSON array, and lines with comments', async () => {
    writeFileSync(file, JSON.stringify([b, a]));
    await follow().is(a, b);
    writeFileSync(file, `# all hosts\n${a}  # first\r\n\n`);
    await hosts.is(a);
  });

  it('follows atomic replacements, again and again', async () => {
    replace(a);
    await follow().is(a);
    for (let i = 0; i < 10; i++) {
      replace(`${a}\nhttp://c:${String(i + 1)}`);
      await hosts.is(a, `http://c:${String(i + 1)}`);
    }
    expect(hosts.problems).toStrictEqual([]);
  });

  it('follows the links of a ConfigMap', async () => {
    for (const [version, text] of Object.entries({ v1: a, v2: b })) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'hosts'), text);
    }
    symlinkSync('v1', join(folder, '..data'));
    symlinkSync(join('..data', 'hosts'), file);
    await follow().is(a);
    symlinkSync('v2', join(folder, '..next'));
    renameSync(join(folder, '..next'), join(folder, '..data'));
    await hosts.is(b);
  });

  it('keeps the last list while the file is missing, blank, torn or invalid, and reports each once', async () => {
    replace(a);
    await follow().is(a);
    rmSync(file);
    expect(await hosts.problem(/ENOENT/)).toMatch(/the last list, of 1 hosts, stays/);
    for (const [text, problem] of [
      ['', /blank/],
      ['["http://a:1", "htt', /JSON/],
      ['{"hosts": []}', /not a JSON array/],
      ['# nobody\n', /lists no host/],
    ] as const) {
      replace(text);
      await hosts.problem(problem);
    }
    replace(b);
    await hosts.is(b);
    expect(hosts.lists).toStrictEqual([[a], [b]]);
  });

  it('skips unusable names and duplicates', async () => {
    writeFileSync(file, `${a}\n${a}\nhttp://a:1/\nnonsense\n`);
    await follow().is(a);
    expect(hosts.problems).toStrictEqual([
      expect.stringMatching(/one entry is ignored.*write "http:\/\/a:1"/),
      expect.stringMatching(/one entry is ignored.*nonsense/),
    ]);
  });

  it('accepts an empty array as an empty list', async () => {
    replace(a);
    await follow().is(a);
    replace('[]');
    await hosts.is();
    replace('');
    await hosts.problem(/the last list, of 0 hosts, stays: it is blank/);
  });

  it('refuses a file beyond its bounds, and says which', async () => {
    replace(a);
    await follow({ maxHosts: 2 }).is(a);
    replace(JSON.stringify([a, b, 'http://c']));
    await hosts.problem(/3 hosts, and maxHosts is 2/);
    replace(`#${'x'.repeat(1 << 20)}`);
    await hosts.problem(/more than 1048576 bytes/);
    expect(hosts.lists).toStrictEqual([[a]]);
  });

  it('waits for a folder that does not exist yet', async () => {
    file = join(folder, 'later', 'hosts');
    follow({ interval: 20 });
    await hosts.problem(/there is no list yet.*ENOENT/);
    mkdirSync(join(folder, 'later'));
    replace(a);
    await hosts.is(a);
  });

  it('continues when the observer of a problem throws', async () => {
    const thrown = new Promise<void>((resolve) => {
      const onError = (): never => {
        resolve();
        throw new Error('thrown on purpose');
      };
      hosts.subscribe(hostsFromFile(file, { interval: 20, onError }));
    });
    await thrown;
    replace(a);
    await hosts.is(a);
    await reported();
    expect(unhandled.map(String)).toStrictEqual(['Error: thrown on purpose']);
  });
});
