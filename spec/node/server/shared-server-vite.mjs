// Run by shared-server-vite.long.spec.ts in a process of its own: Vite is an ES module. Usage: node … <order> <folder
// of the built lib>
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { createServer as createVite } from 'vite';
import { WebSocket } from 'ws';

const [order, lib] = process.argv.slice(2);
const { sharedSecret, type, unary } = await import(join(lib, 'index.js'));
const { connect, Manager } = await import(join(lib, 'node/index.js'));

const root = mkdtempSync(join(tmpdir(), 'rxgrid-vite-'));
writeFileSync(join(root, 'main.js'), 'export const page = 1;\n');
const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const whoAmI = unary({ id: 1, name: 'whoAmI', response: type() });
const grid = new Manager({
  local: `http://127.0.0.1:${port}`,
  hosts: [],
  auth: sharedSecret('x'.repeat(32)),
  leaves: { authenticate: (token) => token },
});
grid.handle(whoAmI, (_, call) => call.caller);

if (order === 'grid first') await grid.attach(server);
const vite = await createVite({
  root,
  configFile: false,
  logLevel: 'silent',
  appType: 'custom',
  server: { middlewareMode: true, hmr: { server } },
});
server.on('request', vite.middlewares);
if (order !== 'grid first') await grid.attach(server);

const hmr = async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/?token=${vite.config.webSocketToken}`, 'vite-hmr');
  const [data] = await once(socket, 'message');
  socket.terminate();
  return JSON.parse(data.toString()).type;
};
const page = async () => (await (await fetch(`http://127.0.0.1:${port}/main.js`)).text()).includes('page = 1');
const leaf = connect(`ws://127.0.0.1:${port}`, { token: 'leaf' });
await leaf.ready();
const results = [await firstValueFrom(leaf.request(whoAmI)), await hmr(), await page()];
leaf.close();
if (order === 'grid first') {
  await grid.close();
  results.push(await hmr(), await page());
  await vite.close();
} else {
  await vite.close();
  const again = connect(`ws://127.0.0.1:${port}`, { token: 'again' });
  await again.ready();
  results.push(await firstValueFrom(again.request(whoAmI)));
  again.close();
  await grid.close();
}
server.close();
server.closeAllConnections();
rmSync(root, { recursive: true });
console.log(JSON.stringify(results));
