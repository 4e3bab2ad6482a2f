import { describe, expect, it } from '@jest/globals';
import { lookup, lookupService } from 'node:dns/promises';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { realWork } from '../../../lib/testing/time/real-work.js';

/** How many requests `begin` adds to those that are pending. */
async function added(begin: () => Promise<unknown>): Promise<number> {
  const before = realWork().requests;
  const work = begin();
  const during = realWork().requests;
  await work;
  return during - before;
}

describe('requests that the platform reports', () => {
  it('are reads of files', async () => {
    expect(await added(() => readFile(__filename))).toBe(1);
  });

  it('are file handles that are being closed: the last step of reading a file', async () => {
    const handle = await open(__filename);
    expect(await added(() => handle.close())).toBe(1);
  });

  it('are lookups of names', async () => {
    expect(await added(() => lookup('localhost'))).toBe(1);
    expect(await added(() => lookupService('127.0.0.1', 9))).toBe(1);
  });

  it('are connects', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const before = realWork().requests;
    const socket = connect(port, '127.0.0.1');
    // It is begun in the next tick.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const during = realWork().requests;
    await once(socket, 'connect');
    socket.destroy();
    server.close();
    expect(during - before).toBe(1);
  });
});
