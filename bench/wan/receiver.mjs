// The near end: counts what comes over the link in one stream.
import { connect } from 'rxgrid';
import { connect as connectSocket } from 'node:net';
import { flood } from './sender.mjs';

let received = 0;
let stop = () => {};

/** Opens the stream; `itemBytes` 0 is a plain socket. */
export async function open(port, itemBytes) {
  received = 0;
  if (itemBytes === 0) {
    const socket = connectSocket(port, '127.0.0.1');
    socket.on('data', (bytes) => (received += bytes.length));
    stop = () => socket.destroy();
    return;
  }
  const host = connect(`ws://127.0.0.1:${port}`, { token: 'wan', checksum: 'off' });
  const request = new Uint8Array(4);
  new DataView(request.buffer).setUint32(0, itemBytes);
  const subscription = host.stream(flood, request).subscribe((item) => (received += item.length));
  stop = () => {
    subscription.unsubscribe();
    host.close();
  };
}

/** Bytes per second in each of so many steps of `ms`. */
export async function rates(steps, ms) {
  const result = [];
  for (let step = 0; step < steps; step++) {
    const [from, at] = [received, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, ms));
    result.push(((received - from) / (performance.now() - at)) * 1_000);
  }
  return result;
}

export const close = () => stop();
