// 8 192 items through a window that grows and shrinks, and whose bytes both sides count: counters, against lists of
// what waits and of what waited since the last look.
import { defaultWindow } from '../../dist/esm/limits.js';
import { ReceiveWindow } from '../../dist/esm/mux/stream/credit.js';

const items = 8_192;
/**
 * Items that the consumer is at, and the share of what waits that it then takes: the window grows, stays, and shrinks.
 */
const phases = [
  { until: 2_048, share: 1 },
  { until: 4_096, share: 5 / 8 },
  { until: Infinity, share: 1 / 16 },
];
/** Small ones and large ones, so that bytes bound the window, too. */
const bytesOf = (index) => 1_000 * (1 + (index % 40));

/** Between two hosts of this library. */
const extensions = { credits: true, bytes: true };

/** The rules of the window, written down as they are told. */
class PlainWindow {
  constructor({ initial, max, maxBytes }) {
    Object.assign(this, { initial, max, maxBytes, size: initial, granted: initial });
    this.waiting = [];
    this.unacknowledged = 0;
    this.acknowledgedNext = 0;
    this.largest = 0;
    this.released = 0;
    this.kept = 0;
    this.meanBytes = 0;
    this.waitedAfterRelease = [];
  }

  receive(bytes) {
    if (this.unacknowledged >= this.maxBytes) return 'bytes';
    if (this.granted === 0) return 'items';
    this.granted--;
    this.waiting.push(bytes);
    this.unacknowledged += bytes;
    this.largest = Math.max(this.largest, bytes);
    this.meanBytes = this.meanBytes === 0 ? bytes : this.meanBytes * (7 / 8) + bytes * (1 / 8);
    return undefined;
  }

  release() {
    this.acknowledgedNext += this.waiting.shift();
    this.waitedAfterRelease.push(this.waiting.length);
    if (this.kept > 0) this.kept--;
    else this.released++;
    if (this.released > 0 && (this.granted === 0 || this.released >= this.size / 4)) return true;
    return this.unacknowledged + this.largest > this.maxBytes;
  }

  takeGrant() {
    const room = Math.max(1, Math.floor(this.maxBytes / Math.max(1, this.meanBytes)));
    if (this.waitedAfterRelease.length >= this.size) this.look(room);
    else if (this.size > room) this.resize(room);
    const grant = this.released;
    this.released = 0;
    this.granted += grant;
    this.unacknowledged -= this.acknowledgedNext;
    this.acknowledgedNext = 0;
    return grant;
  }

  look(room) {
    const before = this.size;
    const fewest = Math.min(...this.waitedAfterRelease);
    let wanted = before;
    if (fewest === 0) wanted = before * 2;
    else if (fewest > before / 2) wanted = Math.max(Math.floor(before / 2), Math.min(before, this.initial));
    this.resize(Math.min(wanted, this.max, room));
    this.waitedAfterRelease = [];
  }

  resize(size) {
    const change = size - this.size + this.released - this.kept;
    this.size = size;
    this.released = Math.max(0, change);
    this.kept = Math.max(0, -change);
  }
}

/** Sends what credit and bytes allow, releases what waits, and so on; gives all grants. */
function run(window) {
  const grants = [];
  let credit = defaultWindow.initial;
  let sent = 0;
  // Items released, and of those the ones that a grant has acknowledged; and the bytes that none has.
  let released = 0;
  let acknowledged = 0;
  let unacknowledgedBytes = 0;
  while (released < items) {
    for (; credit > 0 && sent < items && unacknowledgedBytes < defaultWindow.maxBytes; credit--) {
      const bytes = bytesOf(sent++);
      unacknowledgedBytes += bytes;
      const overrun = window.receive(bytes);
      if (overrun !== undefined) throw new Error(`Item ${sent} is beyond the window: ${overrun}.`);
    }
    const { share } = phases.find(({ until }) => sent < until);
    const count = Math.ceil((sent - released) * share);
    let due = false;
    for (let index = 0; index < count; index++) due = window.release() || due;
    released += count;
    if (!due) continue;
    const grant = window.takeGrant();
    credit += grant;
    for (; acknowledged < released; acknowledged++) unacknowledgedBytes -= bytesOf(acknowledged);
    grants.push(grant);
  }
  return grants;
}

export function create() {
  const ours = () => run(new ReceiveWindow(defaultWindow, extensions));
  const plain = () => run(new PlainWindow(defaultWindow));
  return { operations: items, ours, plain, compare: () => [ours(), plain()] };
}
