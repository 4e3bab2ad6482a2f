// rxgrid behind the adapter interface of the bench: unary echo, a stream from the server, a duplex echo.
// One set of contract options for all cells: the defaults.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Subject } from 'rxjs';
import { duplex, raw, staticToken, type, unary } from 'rxgrid';
import { fileRegion, Manager } from 'rxgrid/node';

export const caps = { backpressure: 'credit that follows the consumer', cancel: 'cancel frame' };

const echo = unary({ id: 1, name: 'echo', request: raw, response: raw });
const items = duplex({ id: 2, name: 'items', request: type(), output: raw });
const fileBytes = duplex({ id: 4, name: 'fileBytes', request: type(), output: raw });
const echoItems = duplex({ id: 3, name: 'echoItems', input: raw, output: raw });

const dialerName = fileURLToPath(new URL('dialer-name.mjs', import.meta.url));
const nameOf = (host, port) => `http://${host}:${port}`;

/**
 * The name of the client, of which the server needs no more than the name. Names decide which host dials, and who dials
 * masks its messages and cannot send files from the kernel: with another port the bench would measure something else.
 * So the client has a name with which it dials, as the clients of all other peers do.
 */
async function clientName(server) {
  const { stdout } = await promisify(execFile)(process.execPath, [dialerName, server]);
  return stdout.trim();
}

const manager = (local, hosts, checksum) => new Manager({ local, hosts, auth: staticToken('bench'), checksum });

/** Hands out one item `count` times and counts what was taken. */
export function* produce(count, size, stats) {
  const item = new Uint8Array(size).fill(120);
  stats.active++;
  let produced = 0;
  try {
    while (produced < count) {
      produced++;
      stats.produced++;
      yield item;
    }
  } finally {
    stats.active--;
    if (produced < count) stats.cancelled++;
  }
}

export async function startServer({ port, host, stats, checksum = 'off' }) {
  const local = nameOf(host, port);
  const grid = manager(local, [local, await clientName(local)], checksum);
  grid.handle(echo, (payload) => payload);
  grid.handle(items, ({ count, size }) => produce(count, size, stats));
  grid.handle(echoItems, (_, call) => call.input);
  grid.handle(fileBytes, (path) => [fileRegion(path)]);
  await grid.listen({ port, address: host });
  return { port, close: () => grid.close() };
}

function take(stream, onItem) {
  let subscription;
  const done = new Promise((resolve, reject) => {
    subscription = stream.subscribe({ next: onItem, error: reject, complete: resolve });
  });
  return { done, cancel: () => subscription.unsubscribe() };
}

export async function connect({ port, host, checksum = 'off' }) {
  const remote = nameOf(host, port);
  const local = await clientName(remote);
  const grid = manager(local, [local, remote], checksum);
  await grid.start();
  const server = grid.connection(remote);
  await server.ready();
  return {
    unary: (payload) =>
      new Promise((resolve, reject) => {
        server.request(echo, payload).subscribe({ next: resolve, error: reject });
      }),
    stream: (count, size, onItem) => take(server.stream(items, { count, size }), onItem),
    file: (path, onItem) => take(server.stream(fileBytes, path), onItem),
    pull: (count, size) => server.stream(items, { count, size })[Symbol.asyncIterator](),
    async duplex(onItem) {
      const input = new Subject();
      server.exchange(echoItems, undefined, input).subscribe({ next: onItem, error: () => {} });
      return { send: (item) => input.next(item), end: () => input.complete() };
    },
    close: () => grid.close(),
  };
}
