import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spool } from '../../../lib/cli/copy/input-pipe.js';
import { openInput } from '../../../lib/cli/paths/open-input.js';
import { readText } from '../../../lib/cli/connect/token.js';
import { readData } from '../../../lib/cli/request/request-data.js';

let folder: string;
let fifo: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxgrid-input-'));
  fifo = join(folder, 'fifo');
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function textOf(input: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of input) text += String(chunk);
  return text;
}

/** Calls `then` once a thread waits in `open`: only then can the FIFO be opened for writing without waiting. */
async function onceRead(then: (fd: number) => void): Promise<void> {
  for (;;) {
    try {
      then(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
      return;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENXIO' });
    }
    await stat(fifo);
  }
}

it('a FIFO is read once it has a writer', async () => {
  const opening = openInput(fifo, new AbortController().signal);
  await onceRead((fd) => {
    writeSync(fd, 'text');
    closeSync(fd);
  });
  expect(await textOf(await opening)).toBe('text');
});

it.each([
  ['a copy', (signal: AbortSignal) => spool(fifo, signal)],
  ['data of a call', (signal: AbortSignal) => readData(`@${fifo}`, signal)],
  ['a token', (signal: AbortSignal) => readText(fifo, 'the token', signal)],
])('an abort ends the wait of %s for a writer, and leaves no thread waiting', async (_, read) => {
  const abort = new AbortController();
  const reading = read(abort.signal);
  // Several turns of the pool: `open` has begun by then.
  for (let turn = 0; turn < 20; turn++) await stat(folder);
  abort.abort(new Error('SIGINT'));
  await expect(reading).rejects.toThrow('SIGINT');
});

it('a FIFO whose writer is silent holds no thread of the pool while it is read', async () => {
  const writer = openSync(fifo, constants.O_RDWR);
  const { signal } = new AbortController();
  // More than the pool has threads.
  const inputs = await Promise.all(Array.from({ length: 5 }, () => openInput(fifo, signal)));
  const reading = inputs.map((input) => textOf(input));
  await new Promise(setImmediate);
  await stat(folder);
  for (const input of inputs) input.destroy(new Error('SIGINT'));
  for (const text of reading) await expect(text).rejects.toThrow('SIGINT');
  closeSync(writer);
});

it('a file is read, and a missing one is the error of the system', async () => {
  const { signal } = new AbortController();
  writeFileSync(join(folder, 'a'), 'text');
  expect(await textOf(await openInput(join(folder, 'a'), signal))).toBe('text');
  await expect(openInput(join(folder, 'none'), signal)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(openInput(join(folder, 'a'), AbortSignal.abort(new Error('SIGINT')))).rejects.toThrow('SIGINT');
});

it('a text file named by an option may be a FIFO, and is refused beyond 1 MiB', async () => {
  const { signal } = new AbortController();
  const reading = readText(fifo, 'the token', signal);
  await onceRead((fd) => {
    writeSync(fd, 'secret');
    closeSync(fd);
  });
  expect(await reading).toBe('secret');
  await expect(readText('/dev/zero', 'the token', signal)).rejects.toThrow('has more than 1 MiB');
  await expect(readText(join(folder, 'none'), 'the token', signal)).rejects.toThrow('(ENOENT)');
});
