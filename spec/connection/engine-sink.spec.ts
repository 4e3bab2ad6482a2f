import { describe, expect, it } from '@jest/globals';
import { NEVER } from 'rxjs';
import { EngineSink } from '../../lib/connection/engine-sink.js';
import { InboundMessages } from '../../lib/connection/inbound-messages.js';
import { noStats } from '../../lib/mux/engine-options.js';
import type { RegionBytes } from '../../lib/mux/schedule/region-frame.js';
import type { Socket } from '../../lib/transport/socket.js';
import type { WireMessage } from '../../lib/wire/batch.js';
import { ManualRuntime } from '../support/manual-runtime.js';

/** A sink over a socket without a region writer, whose `outbound.next` is `next`. */
function scene(next: (message: WireMessage) => void) {
  const inbound = new InboundMessages(new ManualRuntime(), { message: () => undefined, ended: () => undefined });
  const failures: Error[] = [];
  const outbound = { next, error: () => undefined, complete: () => undefined };
  const socket: Socket = { inbound: NEVER, outbound, bufferedBytes: 0, drained: NEVER };
  const owner = {
    engine: { stats: noStats() },
    inbound,
    fail: (error: Error) => failures.push(error),
    observe: () => undefined,
  };
  return { sink: new EngineSink(owner, socket), failures };
}

describe('the engine sink of a socket that throws', () => {
  const fault = new Error('the socket is broken');
  const broken = (): never => {
    throw fault;
  };

  it('fails its link where a message cannot be sent', () => {
    const { sink, failures } = scene(broken);
    sink.send(Uint8Array.of(1));
    expect(failures).toStrictEqual([fault]);
  });

  it('fails its link where a region frame cannot be sent, and ends the frame with the error', () => {
    const { sink, failures } = scene(broken);
    const ends: unknown[] = [];
    const body: RegionBytes = { bytes: Uint8Array.of(2), room: 0, pooled: true };
    sink.regionWriter.writeBytes(Uint8Array.of(1), body, (error) => ends.push(error));
    expect([failures, ends]).toStrictEqual([[fault], [fault]]);
  });
});

it('gives a socket without a region writer its own copy of reused memory', () => {
  const sent: WireMessage[] = [];
  const { sink } = scene((message) => sent.push(message));
  const ends: unknown[] = [];
  for (const pooled of [true, false]) {
    const bytes = Uint8Array.of(2);
    sink.regionWriter.writeBytes(Uint8Array.of(1), { bytes, room: 0, pooled }, (error) => ends.push(error));
    bytes[0] = 9;
  }
  expect(sent).toStrictEqual([
    [Uint8Array.of(1), Uint8Array.of(2)],
    [Uint8Array.of(1), Uint8Array.of(9)],
  ]);
  expect(ends).toStrictEqual([undefined, undefined]);
});
