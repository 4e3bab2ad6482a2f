import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a proxy does to the bytes of a host for one connection. */
export interface Passage {
  /** Returns the bytes that go on in place of `bytes`. */
  pass(bytes: Buffer): Buffer[];
  /** The connection is reset after so many bytes of the host. */
  readonly cutAt?: number;
}

/** Passes TCP connections on to a host, and changes what comes from it. */
export class FrameProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Bytes of the host that the last connection has passed on. */
  passed = 0;
  next: Passage = { pass: (bytes) => [bytes] };

  constructor(port: number) {
    this.#server = createServer((near) => {
      const passage = this.next;
      const far = connect(port, '127.0.0.1');
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far);
      this.passed = 0;
      void this.#passOn(far, near, passage);
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  async #passOn(far: Socket, near: Socket, { pass, cutAt = Infinity }: Passage): Promise<void> {
    try {
      for await (const bytes of far) {
        for (const piece of pass(bytes as Buffer)) {
          const left = cutAt - this.passed;
          this.passed += piece.length;
          const room = near.write(piece.subarray(0, left));
          if (piece.length >= left) {
            // Both the bytes before the cut and the cut arrive.
            await new Promise((resolve) => setImmediate(resolve));
            near.resetAndDestroy();
            return;
          }
          if (!room) await Promise.race([once(near, 'drain'), once(near, 'close')]);
        }
      }
    } catch {
      // The host has closed the connection.
    }
  }
}

/** Calls `change` for each frame of a host, which does not mask, and passes on what that returns. */
export function eachFrame(change: (frame: Buffer, opcode: number) => Buffer[]): (bytes: Buffer) => Buffer[] {
  let waiting = Buffer.alloc(0);
  let upgraded = false;
  return (bytes) => {
    waiting = Buffer.concat([waiting, bytes]);
    const out: Buffer[] = [];
    if (!upgraded) {
      const end = waiting.indexOf('\r\n\r\n');
      if (end < 0) return [];
      upgraded = true;
      out.push(waiting.subarray(0, end + 4));
      waiting = waiting.subarray(end + 4);
    }
    for (;;) {
      const length = (waiting[1] ?? 0) & 0x7f;
      const head = length < 126 ? 2 : length === 126 ? 4 : 10;
      if (waiting.length < head) return out;
      const size =
        length < 126 ? length : length === 126 ? waiting.readUInt16BE(2) : Number(waiting.readBigUInt64BE(2));
      if (waiting.length < head + size) return out;
      out.push(...change(waiting.subarray(0, head + size), waiting[0]! & 0x0f));
      waiting = waiting.subarray(head + size);
    }
  };
}
