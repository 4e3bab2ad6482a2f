import { afterEach, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { firstValueFrom, lastValueFrom, range, toArray } from 'rxjs';
import { connect } from '../../lib/endpoint/leaves/leaf.js';
import { duplex, type, unary } from '../../lib/index.js';
import { freePort, RealGrid } from '../support/real-grid.js';

/*
 * The configurations of reverse proxies in docs/guide/security.md, with other ports: a leaf calls and streams through
 * them. Skipped where the proxy is not installed.
 */

const page = readFileSync(resolve(__dirname, '../../docs/guide/security.md'), 'utf8');
const grid = new RealGrid();
const echo = unary({ name: 'echo', request: type<string>(), response: type<string>() });
const count = duplex({ name: 'count', request: type<number>(), output: type<number>() });

afterEach(async () => grid.close());

/** The block of the page that contains this line. */
function blockWith(line: string): string {
  const blocks = [...page.matchAll(/^```\w+\n([^]*?)^```$/gm)].map(([, code = '']) => code);
  return blocks.find((code) => code.includes(line))!;
}

function nginx(port: number, host: number, folder: string): string[] {
  const location = blockWith('proxy_pass').replace(':9001', `:${String(host)}`);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/pid; error_log stderr; events {}
     http { access_log off; ${paths.join(' ')} server { listen 127.0.0.1:${String(port)}; ${location} } }`,
  );
  return ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
}

function haproxy(port: number, host: number, folder: string): string[] {
  const text = blockWith('use_backend')
    .replace(':9001', `:${String(host)}`)
    .replace('bind :8080', `bind 127.0.0.1:${String(port)}`);
  writeFileSync(join(folder, 'haproxy.cfg'), text);
  return ['-f', join(folder, 'haproxy.cfg'), '-db'];
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connectTcp(port, '127.0.0.1');
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['connect']),
      once(socket, 'close').then(() => ['close']),
    ]).catch(() => ['close']);
    socket.destroy();
    if (event === 'connect') return;
  }
}

for (const [name, configure] of [
  ['nginx', nginx],
  ['haproxy', haproxy],
] as const) {
  const isInstalled = spawnSync(name, ['-v']).status === 0;
  (isInstalled ? it : it.skip)(
    `a leaf calls and streams through ${name}`,
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rxgrid-proxy-'));
      grid.closeLater(() => {
        rmSync(folder, { recursive: true, force: true });
      });
      const [port, host] = [await freePort(), await freePort()];
      const manager = grid.manager(`http://127.0.0.1:${String(host)}`, [], {
        leaves: { authenticate: () => 'ann' },
      });
      manager.handle(echo, (text) => text);
      manager.handle(count, (to) => range(0, to));
      await manager.listen({ address: '127.0.0.1' });

      const child = spawn(name, configure(port, host, folder), { stdio: 'inherit' });
      grid.closeLater(async () => {
        child.kill('SIGTERM');
        await once(child, 'exit');
      });
      await listening(port);

      const leaf = connect(`http://127.0.0.1:${String(port)}`, { token: 'any' });
      grid.closeLater(() => {
        leaf.close();
      });
      expect(await firstValueFrom(leaf.request(echo, 'through'))).toBe('through');
      const items = await lastValueFrom(leaf.stream(count, 500).pipe(toArray()));
      expect(items).toHaveLength(500);
    },
    30_000,
  );
}
