// node examples/shared-connection/main.mjs [port]: builds a page with Vite, and serves it and the notices that it shows
// at one port.
import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PushGroups, staticToken, UnauthenticatedError } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { build } from 'vite';
import { watch } from './routes.js';

const outDir = await mkdtemp(join(tmpdir(), 'shared-connection-'));
await build({
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'error',
  build: { outDir, emptyOutDir: true, target: 'es2022' },
  worker: { format: 'es' },
});

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' };
const server = createServer(async ({ url = '/' }, response) => {
  const { pathname } = new URL(url, 'http://host');
  const file = pathname === '/' ? 'index.html' : pathname.slice(1);
  try {
    if (!/^[\w./-]+$/.test(file) || file.includes('..')) throw new Error('no such file');
    const text = await readFile(join(outDir, file));
    response.setHeader('content-security-policy', "default-src 'self'; connect-src 'self'");
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
    response.end(text);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', resolve));
const local = `http://127.0.0.1:${server.address().port}`;
const manager = new Manager({
  local,
  hosts: [],
  auth: staticToken('of the hosts, which no page has'),
  leaves: {
    origins: [local],
    routes: [watch],
    authenticate: (token) => {
      if (token !== 'guest') throw new UnauthenticatedError('no such token');
      return 'guest';
    },
  },
});

// #region groups
const notices = new PushGroups();
manager.handle(watch, (rooms) => notices.join(...rooms));
let count = 0;
setInterval(() => {
  notices.push('ops', { room: 'ops', text: `disk ${++count % 8} is being checked` });
  if (count % 10 === 0) notices.push('sales', { room: 'sales', text: `order ${count}` });
}, 100);
// #endregion

await manager.attach(server);
manager.leaves$.subscribe(({ leaves }) => console.log(`${leaves.length} leaves are connected.`));
console.log(`The page is at ${local}. End it with Ctrl+C.`);
