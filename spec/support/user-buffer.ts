import { connect, createServer, type AddressInfo } from 'node:net';

type HandlePrototype = Record<'useUserBuffer', unknown>;

/**
 * Hides what lets a socket read into a buffer of the user's, as a runtime does that is not Node. The result restores
 * it. The class of a socket's handle is the same for all test files of a process.
 */
export async function hideUserBuffer(): Promise<() => void> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  let owner = (socket as unknown as { _handle: object })._handle;
  while (!Object.hasOwn(owner, 'useUserBuffer')) owner = Object.getPrototypeOf(owner) as object;
  socket.destroy();
  server.close();
  const prototype = owner as HandlePrototype;
  const { useUserBuffer } = prototype;
  prototype.useUserBuffer = undefined;
  return () => {
    prototype.useUserBuffer = useUserBuffer;
  };
}
