// 8 192 items through a window that grows and shrinks: two counters, against a list of what waited since the last look.
import { defaultWindow } from '../../dist/esm/limits.js';
import { ReceiveWindow } from '../../dist/esm/mux/credit.js';

const items = 8_192;
/** Items that the consumer is at, and the share of what waits that it then takes: the window grows, stays, and shrinks. */
const phases = [
  { until: 2_048, share: 1 },
  { until: 4_096, share: 5 / 8 },
  { until: Infinity, share: 1 / 16 },
];
/** Small ones and large ones, so that bytes bound the window, too. */
const bytesOf = (index) => 1_000 * (1 + (index % 40));

/** The rules of the window, written down as they are told. */
class PlainWindow {
  constructor({ initial, max, maxBytes }) {
    Object.assign(this, { initial, max, maxBytes, size: initial, granted: initial });
    this.waiting = [];
    this.released = 0;
    this.kept = 0;
    this.meanBytes = 0;
    this.waitedAfterRelease = [];
  }

  receive(bytes) {
    if (this.granted === 0) return false;
    this.granted--;
    this.waiting.push(bytes);
    this.meanBytes = this.meanBytes === 0 ? bytes : this.meanBytes * (7 / 8) + bytes * (1 / 8);
    return true;
  }

  release() {
    this.waiting.shift();
    this.waitedAfterRelease.push(this.waiting.length);
    if (this.kept > 0) this.kept--;
    else this.released++;
    return this.released > 0 && (this.granted === 0 || this.released >= this.size / 4);
  }

  takeGrant() {
    const room = Math.max(1, Math.floor(this.maxBytes / Math.max(1, this.meanBytes)));
    if (this.waitedAfterRelease.length >= this.size) this.look(room);
    else if (this.size > room) this.resize(room);
    const grant = this.released;
    this.released = 0;
    this.granted += grant;
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

/** Sends what there is credit for, releases what waits, and so on; gives all grants. */
function run(window) {
  const grants = [];
  let credit = defaultWindow.initial;
  let waiting = 0;
  let sent = 0;
  while (sent < items || waiting > 0) {
    for (; credit > 0 && sent < items; credit--, waiting++) window.receive(bytesOf(sent++));
    const { share } = phases.find(({ until }) => sent < until);
    const count = Math.ceil(waiting * share);
    let due = false;
    for (let index = 0; index < count; index++) due = window.release() || due;
    waiting -= count;
    if (!due) continue;
    const grant = window.takeGrant();
    credit += grant;
    grants.push(grant);
  }
  return grants;
}

export function create() {
  const ours = () => run(new ReceiveWindow(defaultWindow, true));
  const plain = () => run(new PlainWindow(defaultWindow));
  return { operations: items, ours, plain, compare: () => [ours(), plain()] };
}
