// rsocket-js over WebSocket.
import rsocket from 'rsocket-core';
import rsocketClient from 'rsocket-websocket-client';
import rsocketServer from 'rsocket-websocket-server';
import { WebSocket, WebSocketServer } from 'ws';

const { RSocketConnector, RSocketServer } = rsocket;
const { WebsocketClientTransport } = rsocketClient;
const { WebsocketServerTransport } = rsocketServer;

export const caps = { backpressure: 'request(n) of a stream', cancel: 'cancel frame' };

const socketOptions = { perMessageDeflate: false, skipUTF8Validation: true };
const maxRequest = 0x7fff_ffff;
/** Items that a stream asks for at the start, and again whenever half of them have come. */
const prefetch = 2048;
const ignore = () => {};
const idle = {
  cancel: ignore,
  request: ignore,
  onExtension: ignore,
  onNext: ignore,
  onError: ignore,
  onComplete: ignore,
};

const handlers = (stats) => ({
  requestResponse({ data }, responder) {
    responder.onNext({ data }, true);
    return idle;
  },
  requestStream({ data }, initial, responder) {
    const count = data.readUInt32LE(0);
    const item = Buffer.alloc(data.readUInt32LE(4), 120);
    let credit = initial;
    let sent = 0;
    let open = true;
    stats.active++;
    const send = () => {
      while (open && credit > 0) {
        credit--;
        sent++;
        stats.produced++;
        if (sent === count) {
          open = false;
          stats.active--;
        }
        responder.onNext({ data: item }, !open);
      }
    };
    queueMicrotask(send);
    return {
      ...idle,
      request(n) {
        credit += n;
        send();
      },
      cancel() {
        if (!open) return;
        open = false;
        stats.active--;
        stats.cancelled++;
      },
    };
  },
  requestChannel({ data }, _credit, _completed, responder) {
    queueMicrotask(() => {
      responder.request(maxRequest);
      responder.onNext({ data }, false);
    });
    return {
      ...idle,
      onNext: (payload, last) => responder.onNext({ data: payload.data }, last),
      onComplete: () => responder.onComplete(),
    };
  },
});

export async function startServer({ port, host, stats }) {
  const server = new RSocketServer({
    transport: new WebsocketServerTransport({
      wsCreator: () => new WebSocketServer({ ...socketOptions, port, host }),
    }),
    acceptor: { accept: async () => handlers(stats) },
  });
  const bound = await server.bind();
  return { port, close: () => bound.close() };
}

export async function connect({ port, host }) {
  const connector = new RSocketConnector({
    setup: { keepAlive: 60_000, lifetime: 300_000 },
    transport: new WebsocketClientTransport({
      url: `ws://${host}:${port}`,
      wsCreator: (url) => new WebSocket(url, socketOptions),
    }),
  });
  const connection = await connector.connect();
  return {
    unary: (data) =>
      new Promise((resolve, reject) => {
        connection.requestResponse({ data }, { ...idle, onNext: (payload) => resolve(payload.data), onError: reject });
      }),
    stream(count, size, onItem) {
      const request = Buffer.alloc(8);
      request.writeUInt32LE(count, 0);
      request.writeUInt32LE(size, 4);
      let handle;
      let taken = 0;
      const done = new Promise((resolve, reject) => {
        handle = connection.requestStream({ data: request }, prefetch, {
          ...idle,
          onNext(payload, last) {
            onItem(payload.data);
            if (last) resolve();
            else if (++taken % (prefetch / 2) === 0) handle.request(prefetch / 2);
          },
          onComplete: resolve,
          onError: reject,
        });
      });
      return { done, cancel: () => handle.cancel() };
    },
    async duplex(onItem) {
      let handle;
      let credit = 0;
      const waiting = [];
      const send = () => {
        for (; credit > 0 && waiting.length > 0; credit--) handle.onNext({ data: waiting.shift() }, false);
      };
      const receiver = {
        ...idle,
        onNext: (payload) => onItem(payload.data),
        request(n) {
          credit += n;
          send();
        },
      };
      return {
        send(data) {
          // The first item travels in the frame that opens the stream.
          if (handle === undefined) handle = connection.requestChannel({ data }, maxRequest, false, receiver);
          else {
            waiting.push(data);
            send();
          }
        },
        end: () => handle.onComplete(),
      };
    },
    close: () => connection.close(),
  };
}
