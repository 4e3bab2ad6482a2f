// Many small files: a folder through one stream of ours, beside tar over TCP. Both write all files, without fsync, to a
// folder in memory. Usage: node bench/files/many.mjs [--files 10000] [--bytes 4096] [--rounds 5]; needs tar.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lastValueFrom } from 'rxjs';
import { staticToken } from 'rxgrid';
import { fileRoutes } from 'rxgrid/files';
import { connect, Manager, receiveFiles, serveFiles } from 'rxgrid/node';
import { median, medianRatio } from '../report/statistics.mjs';

const self = fileURLToPath(import.meta.url);

/** The host that serves, in a process of its own. */
async function serve() {
  const { name, root } = JSON.parse(process.env.RXGRID_BENCH);
  const leaves = { authenticate: () => 'bench' };
  const manager = new Manager({ local: name, hosts: [], auth: staticToken('bench'), leaves });
  serveFiles(manager, { root, writable: true });
  await manager.listen({ address: '127.0.0.1' });
  process.send('ready');
  process.on('disconnect', () => process.exit());
}

/** Folders in memory where there is /dev/shm: the disk is not what is measured. */
function makeFolder() {
  const memory = '/dev/shm';
  try {
    return mkdtempSync(join(memory, 'rxgrid-many-'));
  } catch {
    return mkdtempSync(join(tmpdir(), 'rxgrid-many-'));
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * The way of the old hands, as with `tar | nc`: one TCP stream of all files. Both ends are tar itself on the socket, so
 * not even nc copies. Resolves when the last file is written.
 */
async function tarOverTcp(source, target) {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const dialed = connectTcp({ port: server.address().port, host: '127.0.0.1' }).pause();
  const [[far]] = await Promise.all([accepted, once(dialed, 'connect')]);
  const began = performance.now();
  const receiver = spawn('tar', ['xf', '-', '-C', target], { stdio: [far, 'inherit', 'inherit'] });
  const sender = spawn('tar', ['cf', '-', '-C', source, '.'], { stdio: ['ignore', dialed, 'inherit'] });
  const received = once(receiver, 'exit');
  await once(sender, 'exit');
  dialed.destroy();
  const [code] = await received;
  const ms = performance.now() - began;
  far.destroy();
  server.close();
  if (code !== 0) throw new Error('tar failed');
  return ms;
}

async function ours(leaf, target) {
  const began = performance.now();
  const files = leaf.exchange(fileRoutes.read, undefined, [{ path: '', recursive: true }]);
  const last = await lastValueFrom(files.pipe(receiveFiles(target, { fsync: false })));
  return { ms: performance.now() - began, files: last.files };
}

async function main() {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '10000' },
      bytes: { type: 'string', default: '4096' },
      rounds: { type: 'string', default: '5' },
    },
  });
  const [count, bytes, rounds] = [Number(values.files), Number(values.bytes), Number(values.rounds)];
  const times = await measureMany(count, bytes, rounds);
  const [tar, mine] = [median(times.tar), median(times.ours)];
  console.log(`${count} files of ${bytes} bytes, medians of ${rounds} rounds`);
  console.log(`tar        ${tar.toFixed(0)} ms   ${((count / tar) * 1_000).toFixed(0)} files/s`);
  console.log(`rxgrid     ${mine.toFixed(0)} ms   ${((count / mine) * 1_000).toFixed(0)} files/s`);
  console.log(`rxgrid / tar: ${medianRatio(times.tar, times.ours).toFixed(2)}x, gate 0.5x`);
}

/** The times of the rounds in ms, after one that is not counted. */
export async function measureMany(count, bytes, rounds) {
  const folder = makeFolder();
  const [source, target] = [join(folder, 'source'), join(folder, 'target')];
  const content = new Uint8Array(bytes);
  for (let index = 0; index < count; index++) {
    const below = join(source, `folder-${index % 100}`);
    if (index < 100) mkdirSync(below, { recursive: true });
    content.fill(index);
    writeFileSync(join(below, `file-${index}.bin`), content);
  }
  const name = `http://127.0.0.1:${await freePort()}`;
  const host = fork(self, { env: { ...process.env, RXGRID_BENCH: JSON.stringify({ name, root: source }) } });
  await once(host, 'message');
  const leaf = connect(name, { token: 'bench' });
  await leaf.ready();
  const times = { tar: [], ours: [] };
  const fresh = () => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
  };
  try {
    for (let round = 0; round <= rounds; round++) {
      fresh();
      const tar = await tarOverTcp(source, target);
      fresh();
      const { ms, files } = await ours(leaf, target);
      if (files !== count) throw new Error(`${files} of ${count} files came`);
      if (round === 0) check(source, target);
      else {
        times.tar.push(tar);
        times.ours.push(ms);
      }
    }
  } finally {
    leaf.close();
    host.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
  return times;
}

function check(source, target) {
  for (const below of readdirSync(source)) {
    for (const file of readdirSync(join(source, below))) {
      const [a, b] = [source, target].map((root) => readFileSync(join(root, below, file)));
      if (!a.equals(b)) throw new Error(`${below}/${file} differs`);
    }
  }
}

if (process.env.RXGRID_BENCH !== undefined) await serve();
else if (process.argv[1] === self) await main();
