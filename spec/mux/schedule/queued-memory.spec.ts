import { expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Op } from '../../../lib/wire/ops.js';
import { loneEngine } from '../../support/protocol/engines.js';
import { fromCaller } from '../../support/protocol/frames.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function used(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

it.each([
  ['small answers', 20],
  ['answers of 1 KiB', 1 << 10],
])('%s in the queue hold at most a fifth more memory than is counted', (_what, size) => {
  const count = 10_000;
  const end = loneEngine({ checksum: false, limits: { maxSendQueueBytes: 1 << 30 } });
  end.serve(1, {
    kind: 'unary',
    respond: (mux) => {
      mux.respond(new Uint8Array(size));
    },
  });
  end.sink.bufferedBytes = 1 << 20;
  end.engine.sendControl(Op.Ping, new Uint8Array(1));
  end.sent();
  const before = used();
  for (let id = 1; id <= count; id++) end.receive(fromCaller.request(id, { handler: 1 }));
  const held = used() - before;
  const counted = end.engine.schedule.queuedBytes;
  expect(counted).toBeGreaterThan(count * size);
  expect(held).toBeLessThan(counted * 1.2);
});
