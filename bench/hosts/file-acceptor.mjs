// The host of the cells of files, which accepts: it sends files in every way that an acceptor has, and receives.
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { staticToken } from 'rxgrid';
import { fileRegion, Manager } from 'rxgrid/node';
import { download, echo, upload, urlOf } from './file-routes.mjs';

let delay;
let last;

export async function start(port, options) {
  const grid = new Manager({
    local: urlOf(port),
    hosts: [urlOf(port)],
    auth: staticToken('bench'),
    leaves: { authenticate: () => 'leaf' },
    checksum: 'off',
    ...options,
  });
  grid.handle(download, (path) => fileRegion(path, { progress: (step) => (last = step) }));
  grid.handle(echo, (payload) => payload);
  grid.handle(upload, async function* (_, { input }) {
    let bytes = 0;
    for await (const part of input) bytes += part.length;
    yield bytes;
  });
  await grid.listen({ port, address: '127.0.0.1' });
}

/** Serves one file over HTTP. */
export function startHttp(port, path) {
  createServer((_, response) => createReadStream(path).pipe(response)).listen(port, '127.0.0.1');
}

/** What people do: a stream piped to a socket. */
export function pipe(path, port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject).once('close', resolve);
    createReadStream(path).pipe(socket);
  });
}

export function watchDelay() {
  delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
}

let watched;

/** Notes the most memory that the process has, from now until `memory()`. */
export function watchMemory() {
  const most = { rss: 0, arrayBuffers: 0 };
  const look = () => {
    const { rss, arrayBuffers } = process.memoryUsage();
    most.rss = Math.max(most.rss, rss);
    most.arrayBuffers = Math.max(most.arrayBuffers, arrayBuffers);
  };
  look();
  watched = { most, look, timer: setInterval(look, 10) };
}

/** In bytes. */
export function memory() {
  clearInterval(watched.timer);
  watched.look();
  return watched.most;
}

/** The longest event-loop delay in ms, and how the last region was sent. */
export function told() {
  delay?.disable();
  return { delay: delay === undefined ? undefined : delay.max / 1e6, last };
}
