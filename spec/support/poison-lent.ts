import { lend, lentHooks } from '../../lib/lent.js';
import { minRegionFrameBytes } from '../../lib/bounds.js';
import { Engine } from '../../lib/mux/engine.js';

/*
 * Every engine of every spec gets its messages, but for large ones, as the read buffer of a socket would hand them
 * over: in memory that has other bytes once the engine returns. What keeps a view of such a message then has wrong
 * bytes at once, and not only when the next read happens to overwrite it.
 */

lentHooks.onReturn = (message) => {
  message.fill(0xdb);
};

const { receive } = Engine.prototype;
Engine.prototype.receive = function (message) {
  // A frame reader lends no larger ones.
  if (message.length > minRegionFrameBytes) {
    receive.call(this, message);
    return;
  }
  lend(Uint8Array.from(message), (lent) => {
    receive.call(this, lent);
  });
};
