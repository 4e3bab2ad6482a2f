import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CancelledError } from '../../lib/errors.js';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, startCli, type Run } from '../support/programs/cli.js';
import { CommandHost } from '../support/programs/command-host.js';

/*
 * Each command whose host vanishes, and each whose reader is gone.
 */

let built: string;
let host: CommandHost;
const recording = resolve(__dirname, '../../examples/replaying-an-incident/incident.jsonl');

beforeAll(() => {
  built = buildLib();
});

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await CommandHost.start();
});

afterEach(async () => {
  await host.close();
});

function start(line: string): ChildProcess {
  const env = { RXGRID_TOKEN: 'good', RXGRID_HOST: host.url, RXGRID_CONFIG: join(built, 'none.json') };
  return startCli(built, line.split(' '), env);
}

/** What a command leaves whose host vanishes once it has written something, or once a handler runs. */
async function lost(line: string, input?: string): Promise<Run> {
  const child = start(line);
  if (input !== undefined) child.stdin!.write(input);
  const end = endOf(child);
  await Promise.race([once(child.stdout!, 'data'), host.began.promise]);
  await host.close();
  // Standard input stays open: a command that waits for it would not end.
  return end;
}

describe('the host disappears during', () => {
  it.each([
    ['call slow', undefined],
    ['stream count -q', undefined],
    ['stream sum -i @-', '{"n":1}\n'],
    ['ping -c 1000 --interval 10', undefined],
    ['top --json', undefined],
    ['bench slow --for 60', undefined],
    ['bench count -q --for 60', undefined],
    ['record -', undefined],
  ])('%s: the command says so and exits with 3', async (line, input) => {
    const { code, stderr } = await lost(line, input);
    expect([code, stderr.split('\n').at(-2)]).toStrictEqual([
      3,
      expect.stringMatching(
        /^rxgrid: the connection to ws:.* is lost\. Is the host still running\? Run the command again\.$/,
      ),
    ]);
  });

  it('events: the command says so and exits with 3', async () => {
    await endOf(startCli(built, ['ping'], { RXGRID_TOKEN: 'bad', RXGRID_HOST: host.url }));
    expect((await lost('events')).code).toBe(3);
  });
});

it('a stream that has ended does not wait for standard input', async () => {
  const child = start('stream sum -n 1 -i @-');
  child.stdin!.write('{"n":1}\n');
  expect(await endOf(child)).toStrictEqual({ code: 0, stdout: '{"sum":1}\n', stderr: '' });
});

it('an endless line of the input is refused', async () => {
  const child = start('stream sum -i @-');
  child.stdin!.on('error', () => undefined);
  const part = Buffer.alloc(1 << 20, ' ');
  const write = (): void => {
    if (child.stdin!.writable) child.stdin!.write(part, write);
  };
  write();
  const { code, stderr } = await endOf(child);
  expect([code, stderr]).toStrictEqual([2, 'rxgrid: line 1 of the input has more than 64 MiB.\n']);
});

describe('a full disk behind standard output is reported as a failure after', () => {
  const isThere = existsSync('/dev/full');
  (isThere ? it.each : it.skip.each)([
    'describe',
    'call diskInfo -d {"disk":1}',
    'stream count -q',
    'top --once --json',
    'record -',
    '--help',
  ])('%s', async (line) => {
    const env = { ...process.env, RXGRID_TOKEN: 'good', RXGRID_HOST: host.url };
    const args = [join(built, 'dist/esm/cli/main.js'), ...line.split(' ')];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'] });
    let stderr = '';
    child.stderr!.on('data', (data) => (stderr += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr]).toStrictEqual([1, 'rxgrid: standard output cannot be written (ENOSPC).\n']);
  });
});

it('a host with too large a clock difference is named as the reason, and not the token', async () => {
  const clock = join(built, 'clock.mjs');
  writeFileSync(clock, 'const now = Date.now; Date.now = () => now() + 7_200_000;');
  const env = { RXGRID_TOKEN: 'good', RXGRID_HOST: host.url, NODE_OPTIONS: `--import ${clock}` };
  const { code, stderr } = await endOf(startCli(built, ['ping'], env));
  expect([code, stderr]).toStrictEqual([
    4,
    'rxgrid: the host refused the connection: the clocks differ by 7200 s, and 300 s are allowed: synchronise them.\n',
  ]);
});

describe('ends silently with exit code 141 when its reader is gone', () => {
  it.each([
    'describe',
    'describe --asyncapi',
    'call diskInfo -d {"disk":1}',
    'stream count -q',
    'ping -c 3 --interval 1',
    'top --once',
    'top --json',
    'bench --for 0.2',
    'record -',
    `decode ${recording}`,
    `decode ${recording} --marbles`,
    'context ls',
    'completion bash',
    'man',
    '--help',
    'call --help',
  ])('%s', async (line) => {
    writeFileSync(join(built, 'none.json'), JSON.stringify({ contexts: { a: { host: 'a:1' } } }));
    const child = start(line);
    child.stdout!.destroy();
    let stderr = '';
    child.stderr!.on('data', (data) => (stderr += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, stderr]).toStrictEqual([141, '']);
  });
});

it.each(['stream count -q', 'stream sum -i @-'])('%s without a reader is cancelled at the host', async (line) => {
  const child = start(line);
  child.stdin!.on('error', () => undefined);
  child.stdin!.write('{"n":1}\n');
  await once(child.stdout!, 'data');
  child.stdout!.destroy();
  // The next item is written to nobody.
  child.stdin!.write('{"n":1}\n');
  expect(await once(child, 'close')).toStrictEqual([141, null]);
  await host.cancelled.promise;
  expect(host.reasons).toStrictEqual([expect.any(CancelledError)]);
});

it('serve prints an error that nothing caught with its stack, and without a line of code', async () => {
  const file = join(built, 'throws-later.mjs');
  writeFileSync(file, `export default () => { setImmediate(() => { throw new Error('of \u001b the module'); }); };\n`);
  const { code, stderr } = await endOf(start(`serve ${file} --listen 127.0.0.1:0`));
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^rxgrid: an error was not caught: Error: of \\u001b the module\n +at .*throws-later\.mjs:1:/m,
  );
  expect(stderr).not.toContain('export default');
});

it('serve ends for an error that nothing caught, also where the code that reports it cannot be loaded', async () => {
  const file = join(built, 'throws-later.mjs');
  const reporter = join(built, 'dist/esm/cli/exit/uncaught.js');
  // As too many open files do, it makes the import fail each time.
  writeFileSync(
    file,
    `import { renameSync } from 'node:fs';
    export default () => {
      renameSync('${reporter}', '${reporter}.away');
      setImmediate(() => { throw new Error('of the module'); });
    };\n`,
  );
  const child = start(`serve ${file} --listen 127.0.0.1:0`);
  try {
    expect(await endOf(child)).toMatchObject({
      code: 1,
      stderr: 'rxgrid: an error was not caught: Error: of the module\n',
    });
  } finally {
    child.kill('SIGKILL');
    renameSync(`${reporter}.away`, reporter);
  }
});

describe('without pending output', () => {
  // The shell makes a pipe, Node a pair of sockets.
  it.each(['events', 'events --json', 'stream sum -i @-', 'record - --peer nobody'])(
    '%s ends with its reader',
    async (line) => {
      const command = `${process.execPath} ${join(built, 'dist/esm/cli/main.js')} ${line}`;
      const env = { ...process.env, RXGRID_TOKEN: 'good', RXGRID_HOST: host.url };
      const script = `{ ${command} 2>stderr; echo $? >code; } | sleep 1`;
      await once(spawn('sh', ['-c', script], { env, cwd: built, stdio: ['pipe', 'ignore', 'ignore'] }), 'close');
      expect(readFileSync(join(built, 'stderr'), 'utf8')).toBe('');
      expect(readFileSync(join(built, 'code'), 'utf8')).toBe('141\n');
      const child = start(line);
      child.stdout!.destroy();
      expect(await once(child, 'close')).toStrictEqual([141, null]);
    },
  );
});
