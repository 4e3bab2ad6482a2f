// What most of the numbered examples begin with: two hosts of a grid in one process, over real sockets.
import { staticToken } from 'rxgrid';
import { Manager } from 'rxgrid/node';

/**
 * Starts two hosts with the handlers that `serve` registers at the second one; gives the connection to it, and the end.
 */
export async function twoHosts(port, serve, options = {}) {
  const hosts = [port, port + 1].map((each) => `http://127.0.0.1:${each}`);
  const [near, far] = hosts.map((local) => new Manager({ local, hosts, auth: staticToken('example'), ...options }));
  serve(far);
  await Promise.all([near.listen(), far.listen()]);
  const connection = near.connection(far.local);
  await connection.ready();
  return { near, far, connection, close: () => Promise.all([near.close(), far.close()]) };
}
