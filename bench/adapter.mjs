// rxgrid behind the adapter interface of a bench of peers: unary echo, server streams, a pulled stream, a duplex echo.
// One set of contract options for all of them: the defaults.
import { Subject } from 'rxjs';
import { duplex, raw, staticToken, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';

export const caps = { backpressure: 'credit that follows the consumer', cancel: 'cancel frame' };

const echo = unary({ id: 1, name: 'echo', request: raw, response: raw });
const items = duplex({ id: 2, name: 'items', request: type(), output: raw });
const echoItems = duplex({ id: 3, name: 'echoItems', input: raw, output: raw });

const checksum = process.env.RXGRID_CHECKSUM === 'on' ? 'auto' : 'off';

function manager(local, hosts) {
  return new Manager({ local, hosts, auth: staticToken('bench'), checksum });
}

// Two names of one machine: the server's is the one that the client may dial or be dialed at.
const nameOf = (host, port) => `http://${host}:${port}`;
const clientPort = (port) => (port < 60_000 ? port + 5_000 : port - 5_000);

export async function startServer({ port, host, stats }) {
  const local = nameOf(host, port);
  const grid = manager(local, [local, nameOf(host, clientPort(port))]);
  grid.handle(echo, (payload) => payload);
  grid.handle(items, function* ({ count, size }) {
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
  });
  grid.handle(echoItems, (_, call) => call.input);
  await grid.listen({ port, address: host });
  return { port, close: () => grid.close() };
}

export async function connect({ port, host }) {
  const local = nameOf(host, clientPort(port));
  const remote = nameOf(host, port);
  const grid = manager(local, [local, remote]);
  await grid.listen({ port: clientPort(port), address: host });
  const server = grid.connection(remote);
  await server.ready();
  return {
    unary: (payload) =>
      new Promise((resolve, reject) => {
        server.request(echo, payload).subscribe({ next: resolve, error: reject });
      }),
    stream(count, size, onItem) {
      let subscription;
      const done = new Promise((resolve, reject) => {
        subscription = server
          .stream(items, { count, size })
          .subscribe({ next: onItem, error: reject, complete: resolve });
      });
      return { done, cancel: () => subscription.unsubscribe() };
    },
    pull: (count, size) => server.stream(items, { count, size })[Symbol.asyncIterator](),
    duplex(onItem) {
      const input = new Subject();
      server.exchange(echoItems, undefined, input).subscribe({ next: onItem, error: () => {} });
      return Promise.resolve({ send: (item) => input.next(item), end: () => input.complete() });
    },
    close: () => grid.close(),
  };
}
