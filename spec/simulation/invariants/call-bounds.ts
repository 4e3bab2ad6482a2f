import { Engine } from '../../../lib/mux/engine.js';
import type { Invariant } from '../../../lib/testing/index.js';

// Of the run that is on.
let broken: string | undefined;

/** Makes a call, and looks at what it has done to the bounds of its engine. */
function bounded<T>(engine: Engine, make: () => T): T {
  const { schedule, limits } = engine;
  const before = schedule.queuedBytes;
  const mux = make();
  const { outgoing } = engine.open;
  const after = schedule.queuedBytes;
  if (outgoing > limits.maxOpenMuxes) broken ??= `${outgoing} calls are open, and ${limits.maxOpenMuxes} may be`;
  // Whether it waits is known afterwards.
  if (before > 0 && after > before && after > limits.maxSendQueueBytes)
    broken ??= `${after} bytes wait behind a call, and ${limits.maxSendQueueBytes} may`;
  return mux;
}

const { request, openStream } = Engine.prototype;
Engine.prototype.request = function (...call) {
  return bounded(this, () => request.apply(this, call));
};
Engine.prototype.openStream = function (opening) {
  return bounded(this, () => openStream.call(this, opening));
};

/** No more calls are open on a connection than may be, and none makes the send queue longer than it may be. */
export function callBounds(): Invariant {
  broken = undefined;
  const check = (): void => {
    if (broken !== undefined) throw new Error(broken);
  };
  return { name: 'a call that exceeds a bound is not made', step: check, end: check };
}
