// The other end of the cells of files: it receives in every way, copying what comes, and sends as a dialer.
import { get } from 'node:http';
import { createServer } from 'node:net';
import { firstValueFrom, lastValueFrom, of } from 'rxjs';
import { connect, sendfile } from 'rxgrid/node';
import { download, echo, upload, urlOf } from './file-routes.mjs';

const leaves = new Map();

export async function start(name, port, options) {
  const leaf = connect(urlOf(port), { token: 'leaf', checksum: 'off', ...options });
  leaves.set(name, leaf);
  await leaf.ready();
}

/** Takes a file from the host. Seconds, bytes. */
export async function take(name, path) {
  const began = performance.now();
  let bytes = 0;
  for await (const part of leaves.get(name).stream(download, path)) bytes += part.length;
  return { seconds: (performance.now() - began) / 1e3, bytes };
}

/** Takes a file that is zeros but for its marks, `[position, text]`, and looks at each byte. Seconds, bytes. */
export async function takeSparse(name, path, marks) {
  const zeros = Buffer.alloc(1 << 20);
  const began = performance.now();
  let bytes = 0;
  for await (const part of leaves.get(name).stream(download, path)) {
    for (const [position, text] of marks) {
      const mark = Buffer.from(text);
      const begin = Math.max(position, bytes) - bytes;
      const end = Math.min(position + mark.length, bytes + part.length) - bytes;
      if (begin >= end) continue;
      const expected = mark.subarray(begin + bytes - position, end + bytes - position);
      if (!expected.equals(part.subarray(begin, end))) throw new Error(`The mark at ${position} is not there.`);
      part.fill(0, begin, end);
    }
    if (zeros.compare(part, 0, part.length, 0, part.length) !== 0) {
      throw new Error(`Of the bytes from ${bytes} on, not all are those of the file.`);
    }
    bytes += part.length;
  }
  return { seconds: (performance.now() - began) / 1e3, bytes };
}

/** Gives one to it. */
export async function give(name, path) {
  const began = performance.now();
  const stream = leaves.get(name).open(upload, undefined);
  const output = firstValueFrom(stream);
  const last = await lastValueFrom(of(path).pipe(sendfile(stream)));
  return { bytes: await output, seconds: (performance.now() - began) / 1e3, last };
}

/** How long calls of 512 bytes take, one after the other, while a file comes. In ms. */
export async function callBeside(name, path) {
  const leaf = leaves.get(name);
  let coming = true;
  const taken = take(name, path).finally(() => (coming = false));
  const payload = new Uint8Array(512);
  const times = [];
  while (coming) {
    const began = performance.now();
    await firstValueFrom(leaf.request(echo, payload));
    times.push(performance.now() - began);
  }
  await taken;
  times.sort((a, b) => a - b);
  return { calls: times.length, p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] };
}

// A receiver copies what comes into memory of its own: every WebSocket does.
const sink = Buffer.alloc(1 << 20);
let at = 0;
function copy(chunk) {
  if (at + chunk.length > sink.length) at = 0;
  chunk.copy(sink, at);
  at += chunk.length;
}

/** Listens for one connection, and takes what comes. `port()` first, then `taken()`. */
let taken;
export function listen() {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      let bytes = 0;
      const began = performance.now();
      socket.on('data', (chunk) => {
        bytes += chunk.length;
        copy(chunk);
      });
      taken = new Promise((done) => {
        socket.once('close', () => done({ bytes, seconds: (performance.now() - began) / 1e3 }));
      });
      server.close();
    });
    taken = undefined;
    server.listen(0, '127.0.0.1', () => resolve(server.address().port));
  });
}

export async function received() {
  while (taken === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  return taken;
}

export function takeHttp(port, path = '/') {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let bytes = 0;
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.on('data', (chunk) => {
        bytes += chunk.length;
        copy(chunk);
      });
      response.once('end', () => resolve({ bytes, seconds: (performance.now() - began) / 1e3 }));
    }).once('error', reject);
  });
}
