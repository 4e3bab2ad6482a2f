// node examples/dashboard-of-your-own/main.mjs [port]: builds the page with Vite, and serves it and its data at one
// port.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { mkdtemp } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { conflate, staticToken, UnauthenticatedError } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { interval, map } from 'rxjs';
import { build } from 'vite';
import { load, whoAmI } from './routes.js';

const outDir = await mkdtemp(join(tmpdir(), 'dashboard-of-your-own-'));
await build({
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'error',
  build: { outDir, emptyOutDir: true, target: 'es2022' },
});

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };
const server = createServer(async ({ url = '/' }, response) => {
  const { pathname } = new URL(url, 'http://host');
  const file = pathname === '/' ? 'index.html' : pathname.slice(1);
  try {
    if (!/^[\w./-]+$/.test(file) || file.includes('..')) throw new Error('no such file');
    const text = await readFile(join(outDir, file));
    // No inline script, no eval, no WebAssembly: the leaf does without checksums, and says so.
    response.setHeader('content-security-policy', "default-src 'self'; connect-src 'self'");
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
    response.end(text);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', resolve));
const local = `http://127.0.0.1:${server.address().port}`;

// #region leaves
const manager = new Manager({
  local,
  hosts: [],
  auth: staticToken('of the hosts, which no page has'),
  leaves: {
    origins: [local],
    routes: [load, whoAmI],
    limits: { inFlight: 100, bytesPerSecond: 1_000_000, idle: 10 * 60_000 },
    authenticate: (token) => {
      if (token !== 'guest') throw new UnauthenticatedError('no such token');
      return { identity: 'guest', expiresAt: Date.now() + 15 * 60_000 };
    },
  },
});
// #endregion
manager.handle(whoAmI, (_, call) => call.caller);
// #region push
// A page that cannot keep up gets the newest value and skips the others.
manager.handle(load, () =>
  interval(100).pipe(
    map((tick) => 50 + 40 * Math.sin(tick / 10)),
    conflate(),
  ),
);
// #endregion
await manager.attach(server);
console.log(`The page is at ${local}. End it with Ctrl+C.`);
