import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { walkRemote } from '../../../lib/cli/paths/remote-folder.js';
import type { Manager } from '../../../lib/node/index.js';
import { fileRoutes, type FileInfo, type ListBatch, type ListRequest } from '../../../lib/files/file-routes.js';
import { RealGrid } from '../../support/real-grid.js';

let grid: RealGrid;
let host: Manager;
let asked: ListRequest[];
let answers: (request: ListRequest) => readonly ListBatch[];

beforeEach(async () => {
  grid = new RealGrid();
  host = grid.manager('http://127.0.0.1:1', []);
  await host.start();
  asked = [];
  host.handle(fileRoutes.list, (request) => {
    asked.push(request);
    return answers(request);
  });
});

afterEach(async () => {
  await grid.close();
});

const info = (path: string, type: FileInfo['type'] = 'file'): FileInfo => ({ path, type, size: 1, mtime: 0, mode: 0 });

async function walk(excludes?: (path: string) => boolean): Promise<string[]> {
  const remote = { connection: host.connection(host.local), signal: new AbortController().signal };
  const found: string[] = [];
  for await (const entry of walkRemote(remote, 'top', excludes)) {
    found.push('info' in entry ? entry.info.path : `${entry.failure.path}: ${entry.failure.code}`);
  }
  return found;
}

describe('a folder of a host', () => {
  it('is listed at once, also after a folder that cannot be read', async () => {
    answers = () => [
      { values: [info('a'), info('sub', 'folder')] },
      { values: [], failures: [{ path: 'sub', code: 'file-access', message: 'denied' }] },
      { values: [info('z')] },
    ];
    expect(await walk()).toStrictEqual(['a', 'sub', 'sub: file-access', 'z']);
    expect(asked).toStrictEqual([{ path: 'top', recursive: true, batches: true, failures: true }]);
  });

  it('is listed folder by folder where something is excluded, without the excluded ones', async () => {
    answers = ({ path }) =>
      path === 'top' ? [{ values: [info('a', 'folder'), info('b', 'folder')] }] : [{ values: [info('f')] }];
    expect(await walk((path) => path === 'b')).toStrictEqual(['a', 'a/f']);
    expect(asked.map(({ path }) => path)).toStrictEqual(['top', 'top/a']);
  });

  it('may fail as a whole', async () => {
    answers = () => [{ values: [info('../x')] }];
    expect(await walk()).toStrictEqual(['../x: file-outside-root']);
  });
});
