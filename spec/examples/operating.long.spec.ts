import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildLibWithExamples } from '../support/programs/built-lib.js';
import { Etcd, etcdMissing } from '../support/membership/etcd.js';

/*
 * The examples of operating a grid, as a person runs them: real processes, real sockets, a real etcd.
 */

let folder: string;

beforeAll(() => {
  folder = buildLibWithExamples();
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a script to its end. `exitCode` is that with which it must end. */
async function run(
  script: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
  exitCode = 0,
): Promise<string> {
  const child = spawn(process.execPath, [join('examples', script), ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  const code = await new Promise<number | null>((done) => child.on('close', done));
  expect({ code, text }).toStrictEqual({ code: exitCode, text: expect.anything() });
  return text;
}

describe('the examples of operating a grid', () => {
  it('restart three hosts ten times under load: nothing is lost, and nothing runs twice', async () => {
    const text = await run('rolling-restart/main.mjs', ['10']);
    const summary = JSON.parse(/^summary: (.*)$/m.exec(text)![1]!) as Record<string, number>;
    // With the errors of the orders that failed, and the drains that took too long.
    const failed = text.split('\n').filter((line) => /^order |cut off$/.test(line));
    expect({ ...summary, failed }).toMatchObject({ restarts: 30, unknown: 0, lost: 0, twice: 0, failed: [] });
    expect(summary.booked).toBeGreaterThan(1_000);
  });

  it('close at once at a second signal, whatever runs', async () => {
    const script = join(folder, 'hung.mjs');
    writeFileSync(
      script,
      `import { connect, staticToken, unary } from 'rxgrid';
       import { closeOnSignals, Manager } from 'rxgrid/node';
       const hang = unary({ id: 20, name: 'hang' });
       const local = 'http://127.0.0.1:' + (20_000 + (process.pid % 20_000));
       const grid = new Manager({ local, hosts: [], auth: staticToken('x'), leaves: { authenticate: () => 'leaf' } });
       grid.handle(hang, () => new Promise(() => {}));
       await grid.listen();
       closeOnSignals(grid, { timeout: 600_000, onClosed: ({ interrupted }) => console.log('interrupted', interrupted) });
       const leaf = connect(local.replace('http', 'ws') + '/minio/grid/v1', { token: 'x' });
       await leaf.ready();
       leaf.request(hang).subscribe({ error: ({ code, sent }) => { console.log(code, sent); leaf.close(); } });
       leaf.state$.subscribe(({ status }) => {
         if (status === 'draining') process.kill(process.pid, 'SIGTERM');
       });
       setTimeout(() => process.kill(process.pid, 'SIGTERM'), 100);`,
    );
    const text = await run('../hung.mjs');
    expect(text.split('\n').sort()).toStrictEqual(['', 'disconnected true', 'interrupted 1']);
  });

  it.each([
    ['after a while', '[]'],
    ['at the next signal', "['SIGINT']"],
    ['when it has thrown', "'throws'"],
  ])('end although onClosed does not end: %s', async (_, signals) => {
    const script = join(folder, 'stuck.mjs');
    writeFileSync(
      script,
      `import { staticToken } from 'rxgrid';
       import { closeOnSignals, Manager } from 'rxgrid/node';
       const local = 'http://127.0.0.1:' + (20_000 + (process.pid % 20_000));
       const grid = new Manager({ local, hosts: [], auth: staticToken('x') });
       await grid.listen();
       const then = ${signals};
       setInterval(() => {}, 1_000);
       closeOnSignals(grid, {
         onClosed: () => {
           console.log('closed');
           if (then === 'throws') throw new Error('onClosed has thrown');
           for (const signal of then) process.kill(process.pid, signal);
           return new Promise(() => {});
         },
       });
       process.kill(process.pid, 'SIGTERM');`,
    );
    const text = await run('../stuck.mjs', [], {}, 1);
    expect(text).toMatch(/^closed\n/);
    expect(text).toMatch(signals === "'throws'" ? 'onClosed has thrown' : 'although its onClosed has not ended');
  });

  it('write to a quorum of the owners of a key', async () => {
    expect(await run('quorum/main.mjs')).toBe(
      'all hosts agree: true\nanswers: 2\nanswers with one host down: 2\nwith two hosts down: quorum, 2 failed\n',
    );
  });

  (etcdMissing === undefined ? it : it.skip)('find each other by etcd', async () => {
    const etcd = await new Etcd().start();
    try {
      expect(await run('etcd-membership/main.mjs', [], { ETCD: etcd.endpoint })).toBe(
        'two hosts have found each other\na third one has joined\none has drained and left\n',
      );
    } finally {
      await etcd.close();
    }
  });
});
