import type { Invariant } from '../../../lib/testing/index.js';
import { Engine } from '../../../lib/mux/engine.js';
import type { WireModel } from '../wire-model.js';

// The engines that have received something and are open, of the run that is on.
const open = new Set<Engine>();
const { receive, close } = Engine.prototype;
Engine.prototype.receive = function (message) {
  if (!this.closed) open.add(this);
  receive.call(this, message);
};
Engine.prototype.close = function () {
  close.call(this);
  open.delete(this);
};

/** When everything is over, no engine holds anything for a call: memory, queues, credit that waits, timers. */
export function enginesAreEmpty(model: WireModel): Invariant {
  open.clear();
  return {
    name: 'no engine holds anything after the quiet time',
    end() {
      if (model.circuits.some(({ inTheAir, tampered, full }) => inTheAir > 0 || tampered || full.includes(true)))
        return;
      for (const engine of open) {
        const { account, schedule, turn, wheel } = engine;
        const held = {
          bytes: account.bytes,
          ...schedule.held,
          queuedBytes: schedule.queuedBytes,
          waitingStreams: turn.waitingStreams,
          timers: wheel.size,
        };
        const left = Object.entries(held).filter(([, count]) => count !== 0);
        if (left.length > 0) throw new Error(left.map(([what, count]) => `${what}: ${count}`).join(', '));
      }
    },
  };
}
