// A fresh process: imports, connects, makes one call of 512 bytes, and prints how long each took, in ms.
//     shared   import of what both use: ws, and for rxgrid rxjs
//     own      import of rxgrid beyond that
//     call     from the first line of the user's code to the answer, with the connection
const [way, port] = process.argv.slice(2);
const payload = new Uint8Array(512);
const times = [performance.now()];
const lap = () => times.push(performance.now());

const { default: WebSocket } = await import('ws');
if (way === 'ws') {
  lap();
  lap();
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  socket.on('open', () => socket.send(payload));
  await new Promise((resolve, reject) => {
    socket.on('message', resolve);
    socket.on('error', reject);
  });
  lap();
} else {
  const { firstValueFrom } = await import('rxjs');
  lap();
  const { connect, raw, unary } = await import('rxgrid');
  lap();
  const host = connect(`ws://127.0.0.1:${port}`, { token: 'start' });
  await firstValueFrom(host.request(unary({ id: 1, name: 'echo', request: raw, response: raw }), payload));
  lap();
}

const [shared, own, call] = times.slice(1).map((time, index) => time - times[index]);
console.log(JSON.stringify({ shared, own, call }));
process.exit();
