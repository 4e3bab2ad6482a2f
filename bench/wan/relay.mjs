// A long link in user space: a TCP relay that holds every byte back for the way's delay, and passes no more than the
// rate. It needs no rights and runs everywhere; what it has not is the kernel's slow start and loss.
import { connect, createServer } from 'node:net';

/** Bytes that wait for the link to be free, in ms of its rate: the queue of a router. Beyond, the sender waits. */
const queueMs = 5;

/** Relays to a port of 127.0.0.1. `delay` of one way in ms, `rate` in bytes per second. Gives the relay's port. */
export async function start({ target, delay, rate }) {
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    carry(near, far, delay, rate / 1_000);
    carry(far, near, delay, rate / 1_000);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

function carry(from, to, delay, bytesPerMs) {
  const onTheWay = [];
  let freeAt = 0;
  let timer;
  const arrive = () => {
    timer = undefined;
    const now = performance.now();
    to.cork();
    while (onTheWay.length > 0 && onTheWay[0].at <= now && !to.writableNeedDrain) to.write(onTheWay.shift().bytes);
    to.uncork();
    if (from.isPaused() && freeAt - now < queueMs && !to.writableNeedDrain) from.resume();
    // A receiver that does not read stops the link.
    if (to.writableNeedDrain) to.once('drain', arrive);
    else if (onTheWay.length > 0) timer = setTimeout(arrive, onTheWay[0].at - now);
  };
  from.on('data', (bytes) => {
    freeAt = Math.max(freeAt, performance.now()) + bytes.length / bytesPerMs;
    onTheWay.push({ bytes, at: freeAt + delay });
    if (freeAt - performance.now() > queueMs) from.pause();
    timer ??= to.writableNeedDrain ? undefined : setTimeout(arrive, delay);
  });
  const end = () => {
    from.destroy();
    to.destroy();
  };
  from.on('error', end);
  from.on('close', end);
}
