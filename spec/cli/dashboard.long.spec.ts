import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { connect } from '../../lib/endpoint/leaves/leaf.js';
import { monitor } from '../../lib/monitor/index.js';
import { createDial } from '../../lib/transport/ws-dial.js';
import { buildPage } from '../support/browser/dashboard-page.js';
import { buildLib } from '../support/programs/built-lib.js';
import { endOf, startCli } from '../support/programs/cli.js';
import { CommandHost } from '../support/programs/command-host.js';

/*
 * `rxgrid dashboard`, as a process of its own.
 */

let built: string;
let folder: string;
let host: CommandHost;

beforeAll(async () => {
  built = buildLib();
  await buildPage(join(built, 'dist'));
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-dashboard-spec-'));
}, 60_000);

afterAll(() => {
  rmSync(built, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  host = await CommandHost.start();
});

afterEach(() => host.close());

const start = (args: readonly string[], env: Record<string, string> = {}): ChildProcess =>
  startCli(built, ['dashboard', ...args], { RXGRID_TOKEN: 'good', RXGRID_CONFIG: join(folder, 'none.json'), ...env });

/** Waits for the first line of standard output. */
async function addressOf(child: ChildProcess): Promise<string> {
  const [data] = (await once(child.stdout!, 'data')) as [Buffer];
  return String(data).trim();
}

describe('dashboard', () => {
  it('serves the page of a host until Ctrl-C, with the token of the command', async () => {
    const child = start([host.url]);
    const end = endOf(child);
    const address = await addressOf(child);
    const page = await fetch(address);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<script type="module" src="web/dashboard/main.js">');
    const leaf = connect(`${address.replace('http', 'ws')}socket`, {
      getToken: () => '',
      dial: createDial({ origin: new URL(address).origin }),
      checksum: 'off',
    });
    expect(await firstValueFrom(monitor(leaf).info$)).toMatchObject({ host: host.manager.local });
    child.kill('SIGINT');
    const { code, stdout, stderr } = await end;
    leaf.close();
    expect([code, stdout]).toStrictEqual([130, `${address}\n`]);
    expect(stderr).toBe(
      `rxgrid: this is the dashboard of ${host.url}. Anyone who has the address uses your token; Ctrl-C ends it.\n`,
    );
    await expect(fetch(address)).rejects.toThrow('fetch failed');
  });

  it('uses the host of RXGRID_HOST, but first that of --via', async () => {
    const child = start(['-q', '--via', 'http://10.0.0.2:9000'], { RXGRID_HOST: host.url });
    const end = endOf(child);
    expect(await addressOf(child)).toMatch(/\/[\w-]{22}\/#\/hosts\/http%3A%2F%2F10\.0\.0\.2%3A9000$/);
    child.kill('SIGTERM');
    expect(await end).toMatchObject({ code: 143, stderr: '' });
  });

  it('ends at once where the token is refused, no host is there, or the port is in use', async () => {
    const refused = await endOf(start([host.url], { RXGRID_TOKEN: 'bad' }));
    expect([refused.code, refused.stdout]).toStrictEqual([4, '']);
    expect(refused.stderr).toContain('the token is not accepted');
    expect((await endOf(start(['ws://127.0.0.1:9', '--timeout', '1']))).code).toBe(3);
    expect((await endOf(start([]))).code).toBe(2);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await endOf(start([host.url, '--port', String(port)]));
    other.close();
    expect([code, stderr]).toStrictEqual([
      1,
      `rxgrid: cannot listen on port ${port} of 127.0.0.1 (EADDRINUSE). Give another with --port, or leave it out.\n`,
    ]);
  });

  const linux = process.platform === 'linux' ? it : it.skip;
  linux('--open gives the browser a file of this user, and no address in its arguments', async () => {
    const opened = join(folder, 'opened');
    writeFileSync(
      join(folder, 'xdg-open'),
      `#!/bin/sh\necho "$@" > '${opened}.new' && mv '${opened}.new' '${opened}'\n`,
      {
        mode: 0o755,
      },
    );
    const child = start([host.url, '--open'], { PATH: `${folder}:${process.env.PATH ?? ''}` });
    const end = endOf(child);
    const address = await addressOf(child);
    await once(child.stderr!, 'data');
    while (!existsSync(opened)) await new Promise((done) => setImmediate(done));
    const file = readFileSync(opened, 'utf8').trim();
    expect(file).toMatch(/\/open\.html$/);
    expect(readFileSync(file, 'utf8')).toContain(`content="0; url=${address}"`);
    expect(statSync(file).mode & 0o077).toBe(0);
    child.kill('SIGINT');
    await end;
    expect(existsSync(file)).toBe(false);
  });

  linux('--open says so where there is no browser', async () => {
    const child = start([host.url, '--open'], { PATH: folder + '/none' });
    const end = endOf(child);
    await addressOf(child);
    await once(child.stderr!, 'data');
    child.kill('SIGINT');
    expect((await end).stderr).toContain('no browser can be started (ENOENT): open the address by hand.');
  });
});
