import type { Writable } from 'node:stream';
import WebSocket from 'ws';

interface ReceiverOptions {
  readonly isServer: boolean;
  readonly maxPayload: number;
  readonly skipUTF8Validation: boolean;
}

/**
 * Makes a receiver of `ws`, which its types do not show, and gives the function that writes to it. What it finds is
 * added to `found`, in order. As a WebSocket does, it writes nothing after a close frame.
 */
export function wsReceiver(isServer: boolean, maxPayload: number, found: string[]): (bytes: Uint8Array) => void {
  const { Receiver } = WebSocket as unknown as { Receiver: new (options: ReceiverOptions) => Writable };
  const receiver = new Receiver({ isServer, maxPayload, skipUTF8Validation: true });
  const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
  receiver.on('message', (data: Uint8Array, isBinary: boolean) => {
    if (isBinary) found.push(`message ${hex(data)}`);
  });
  receiver.on('ping', (data: Uint8Array) => found.push(`ping ${hex(data)}`));
  receiver.on('pong', (data: Uint8Array) => found.push(`pong ${hex(data)}`));
  let concluded = false;
  receiver.on('conclude', (code: number, reason: Uint8Array) => {
    concluded = true;
    found.push(`close ${code} ${hex(reason)}`);
  });
  receiver.on('error', (error: Error) => {
    const code = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code')!;
    found.push(`error ${String((error as unknown as Record<symbol, unknown>)[code])}`);
  });
  return (bytes) => {
    if (!concluded) receiver.write(Buffer.from(bytes));
  };
}
