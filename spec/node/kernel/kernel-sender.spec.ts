import { afterEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import koffi from 'koffi';
import { darwinSender } from '../../../lib/node/kernel/darwin.js';
import type { Foreign, ForeignFunction } from '../../../lib/node/kernel/foreign.js';
import { freebsdSender } from '../../../lib/node/kernel/freebsd.js';
import {
  descriptorOf,
  loadKernelSender,
  refusalOf,
  type KernelSender,
} from '../../../lib/node/kernel/kernel-sender.js';

const head = Uint8Array.of(1, 2, 3);
const [socket, file, offset, count] = [7, 9, 2 ** 33 + 5, 4096];

/** A C library that notes its calls, and answers as the test says. */
class FakeLibrary implements Foreign {
  readonly calls: unknown[][] = [];
  readonly loaded: (string | null)[] = [];
  readonly prototypes: string[] = [];
  readonly structs: Record<string, unknown> = {};
  number = 0;
  answer: (name: string, args: readonly unknown[]) => number = () => 0;
  readonly os = { errno: { EAGAIN: 11, EINTR: 4, EPIPE: 32, ECONNRESET: 104 } };

  load(path: string | null): { func(prototype: string): ForeignFunction } {
    this.loaded.push(path);
    return {
      func: (prototype) => {
        this.prototypes.push(prototype);
        const name = /(\w+)\(/.exec(prototype)![1]!;
        return (...args) => {
          this.calls.push([name, ...args.map((arg) => (arg instanceof BigInt64Array ? arg[0] : arg))]);
          return this.answer(name, args);
        };
      },
    };
  }

  struct(name: string, fields: Record<string, string>): void {
    this.structs[name] = fields;
  }

  errno(): number {
    return this.number;
  }
}

async function bind(platform: string, library: FakeLibrary): Promise<KernelSender> {
  const sender = await loadKernelSender(() => Promise.resolve(library), platform, 'x64');
  if (typeof sender === 'string') throw new Error(sender);
  return sender;
}

describe('finding a binding', () => {
  const none = (): Promise<Foreign> =>
    Promise.reject(Object.assign(new Error('Cannot find module'), { code: 'ERR_MODULE_NOT_FOUND' }));

  test('gives the reason where koffi cannot be loaded', async () => {
    const reason = await loadKernelSender(() => Promise.reject(new Error('wrong ELF class')), 'linux', 'x64');
    expect(reason).toMatch(/cannot be loaded.*wrong ELF class/);
  });

  test('succeeds again where its structures are declared already', async () => {
    const foreign: Foreign = {
      load: () => ({ func: () => () => 0 }),
      struct: () => {
        throw new Error('Duplicate type name');
      },
      errno: () => 0,
      os: { errno: { EAGAIN: 11, EINTR: 4, EPIPE: 32, ECONNRESET: 104 } },
    };
    expect(typeof (await loadKernelSender(() => Promise.resolve(foreign), 'freebsd', 'x64'))).toBe('object');
  });

  test.each([
    ['an error of which the count says nothing', 22, 500, 0],
    ['a full socket', 11, 500, 500],
  ])('on macOS uses the count of %s', async (_, errno, count, sent) => {
    const foreign: Foreign = {
      load: () => ({
        func:
          () =>
          (...args: readonly unknown[]) => {
            (args[3] as BigInt64Array)[0] = BigInt(count);
            return -1;
          },
      }),
      struct: () => undefined,
      errno: () => errno,
      os: { errno: { EAGAIN: 11, EINTR: 4, EPIPE: 32, ECONNRESET: 104 } },
    };
    const sender = await loadKernelSender(() => Promise.resolve(foreign), 'darwin', 'arm64');
    if (typeof sender === 'string') throw new Error(sender);
    expect(sender.send(1, 2, 0, 1_000, undefined)).toStrictEqual({ sent, errno });
    if (errno === 11) expect(() => sender.send(1, 2, 0, 400, undefined)).toThrow(/more than/);
  });

  test('fails without koffi, and the reason says what to install', async () => {
    expect(await loadKernelSender(none, 'linux', 'x64')).toMatch(/npm install koffi/);
  });

  test.each([
    ['win32', 'x64', /win32/],
    ['constructor', 'x64', /constructor/],
    ['linux', 'ia32', /64-bit systems/],
  ])('for %s on %s fails, without loading koffi', async (platform, architecture, reason) => {
    expect(await loadKernelSender(none, platform, architecture)).toMatch(reason);
  });

  test('fails on a system whose library lacks the function', async () => {
    const load = (): Promise<Foreign> =>
      Promise.resolve(
        Object.assign(new FakeLibrary(), {
          load: () => {
            throw new Error('no sendfile here');
          },
        }),
      );
    expect(await loadKernelSender(load, 'linux', 'x64')).toMatch(/no sendfile here/);
  });

  test.each([
    ['linux', false],
    ['darwin', true],
    ['freebsd', true],
    ['sunos', true],
  ])('on %s reports whether it is experimental', async (platform, experimental) => {
    expect((await bind(platform, new FakeLibrary())).experimental).toBe(experimental);
  });
});

describe('the arguments', () => {
  test('on Linux: the head with "more follows", then the file; what was sent is counted together', async () => {
    const library = new FakeLibrary();
    library.answer = (name) => (name === 'send' ? 3 : 1000);
    const sender = await bind('linux', library);
    expect(sender.send(socket, file, offset, count, head)).toStrictEqual({ sent: 1003, errno: 0 });
    expect(library.calls).toStrictEqual([
      ['send', socket, head, 3, 0x40 | 0x4000 | 0x8000],
      ['sendfile', socket, file, BigInt(offset), count],
    ]);
    expect(library.prototypes[0]).toBe('intptr_t sendfile(int out, int in, int64_t *offset, size_t count)');
  });

  test('on Linux a head that is not sent whole is not followed by the file', async () => {
    const library = new FakeLibrary();
    library.answer = () => 2;
    const sender = await bind('linux', library);
    expect(sender.send(socket, file, offset, count, head)).toStrictEqual({ sent: 2, errno: 0 });
    library.answer = () => -1;
    library.number = 11;
    expect(sender.send(socket, file, offset, count, head)).toStrictEqual({ sent: 0, errno: 11 });
    expect(library.calls.map(([name]) => name)).toStrictEqual(['send', 'send']);
  });

  test('on Linux an error after the head reports the bytes of the head', async () => {
    const library = new FakeLibrary();
    library.answer = (name) => (name === 'send' ? 3 : -1);
    library.number = 11;
    const sender = await bind('linux', library);
    expect(sender.send(socket, file, offset, count, head)).toStrictEqual({ sent: 3, errno: 11 });
  });

  test('on illumos the offset reports the bytes sent, also with an error', async () => {
    const library = new FakeLibrary();
    library.number = 11;
    library.answer = (_name, [, , at]) => {
      (at as BigInt64Array)[0]! += 500n;
      return -1;
    };
    const sender = await bind('sunos', library);
    expect(sender.send(socket, file, offset, count, undefined)).toStrictEqual({ sent: 500, errno: 11 });
    expect(library.calls).toStrictEqual([['sendfile', socket, file, BigInt(offset), count]]);
    expect(library.loaded).toStrictEqual(['libsendfile.so.1', 'libsocket.so.1']);
  });

  const gathered = {
    headers: [{ iov_base: head, iov_len: 3 }],
    hdr_cnt: 1,
    trailers: null,
    trl_cnt: 0,
  };

  test('on macOS the length includes the head, and returns the bytes sent, also with an error', async () => {
    const library = new FakeLibrary();
    library.number = 11;
    library.answer = (_name, [, , , length]) => {
      (length as BigInt64Array)[0] = 703n;
      return -1;
    };
    const sender = await bind('darwin', library);
    expect(sender.send(socket, file, offset, count, head)).toStrictEqual({ sent: 703, errno: 11 });
    sender.send(socket, file, offset, count, undefined);
    expect(library.calls).toStrictEqual([
      ['sendfile', file, socket, offset, BigInt(count + 3), gathered, 0],
      ['sendfile', file, socket, offset, BigInt(count), null, 0],
    ]);
  });

  test('on FreeBSD the count is that of the file, and the bytes sent are returned separately', async () => {
    const library = new FakeLibrary();
    library.answer = (_name, args) => {
      (args[5] as BigInt64Array)[0] = 703n;
      return 0;
    };
    const sender = await bind('freebsd', library);
    expect(sender.send(socket, file, offset, count, head)).toStrictEqual({ sent: 703, errno: 0 });
    expect(library.calls).toStrictEqual([['sendfile', file, socket, offset, count, gathered, 0n, 0]]);
  });
});

function hasCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

// The structs and the widths, as a C compiler sees them: the signatures of the two systems, with bodies that sum up
// what they were given.
const withCompiler = hasCompiler() ? describe : describe.skip;
withCompiler('a C library with the signatures of the BSDs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sendfile-abi-'));
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('receives the arguments in their native types', () => {
    const source = `
      #include <stddef.h>
      #include <stdint.h>
      #include <sys/uio.h>
      struct sf_hdtr { struct iovec *headers; int hdr_cnt; struct iovec *trailers; int trl_cnt; };
      static int64_t sum(int file, int socket, int64_t offset, struct sf_hdtr *head) {
        int64_t sum = file * 1000 + socket + offset;
        if (head) sum += head->hdr_cnt * 10 + ((char *)head->headers[0].iov_base)[2] + head->headers[0].iov_len + (head->trailers != 0);
        return sum;
      }
      static int64_t given;
      int64_t last(void) { return given; }
      int darwin(int file, int socket, int64_t offset, int64_t *len, struct sf_hdtr *head, int flags) {
        given = *len * 100000 + sum(file, socket, offset, head) + flags;
        return 0;
      }
      int freebsd(int file, int socket, int64_t offset, size_t count, struct sf_hdtr *head, int64_t *sent, int flags) {
        *sent = *sent + count * 100000 + sum(file, socket, offset, head) + flags;
        return 0;
      }`;
    const path = join(folder, 'bsd.so');
    writeFileSync(join(folder, 'bsd.c'), source);
    execFileSync('cc', ['-shared', '-fPIC', '-o', path, join(folder, 'bsd.c')]);
    const library = koffi.load(path);
    const foreign = (name: string): Foreign => ({
      load: () => ({ func: (prototype) => library.func(prototype.replace('sendfile', name)) as ForeignFunction }),
      struct: (type, fields) => {
        // Declared once in a process.
        if (!declared.has(type)) koffi.struct(type, fields);
        declared.add(type);
      },
      errno: () => koffi.errno(),
      os: koffi.os,
    });
    const declared = new Set<string>();
    const withHead = 9 * 1000 + 7 + 5 + 10 + 3 + 3;
    const darwin = darwinSender(foreign('darwin'));
    const last = library.func('int64_t last()') as ForeignFunction;
    expect(darwin.send(7, 9, 5, 40, head).sent).toBe(43);
    expect(last()).toBe(43 * 100_000 + withHead);
    expect(darwin.send(7, 9, 5, 40, undefined).sent).toBe(40);
    expect(last()).toBe(40 * 100_000 + 9 * 1000 + 7 + 5);
    const freebsd = freebsdSender(foreign('freebsd'));
    expect(freebsd.send(7, 9, 5, 40, head).sent).toBe(40 * 100_000 + withHead);
  });
});

describe('sockets unsuitable for the kernel', () => {
  test('include one of TLS, which has a descriptor and is a net.Socket', () => {
    const tls = new TLSSocket(new Socket());
    expect(refusalOf(tls)).toMatch(/TLS/);
    tls.destroy();
  });

  test('include a stream that is no socket, and a socket without a descriptor', () => {
    expect(refusalOf(new Duplex())).toMatch(/not a socket/);
    expect(refusalOf(new Socket())).toMatch(/descriptor/);
    expect(refusalOf(Object.assign(new Socket(), { _handle: { fd: -1 } }))).toMatch(/descriptor/);
  });

  test('exclude a connected one, until it is destroyed', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const client = new Socket();
    await new Promise<void>((resolve) => client.connect(port, '127.0.0.1', resolve));
    expect(refusalOf(client)).toBeUndefined();
    expect(descriptorOf(client)).toBeGreaterThan(2);
    client.destroy();
    expect(descriptorOf(client)).toBe(-1);
    server.close();
  });
});
