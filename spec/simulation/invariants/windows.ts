import type { Invariant } from '../../../lib/testing/index.js';
import { ReceiveWindow } from '../../../lib/mux/stream/credit.js';
import type { Line } from '../ledger.js';

/** What a window has told its sender, and got from it. */
interface Account {
  /** Credit that the sender has, as far as the window knows. */
  granted: number;
  /** Its size, and how many items were released since it changed. */
  size: number;
  released: number;
  /** As many items as it may have too many: it keeps their credit back as they are released. */
  excess: number;
  /** The size of the smallest item so far. */
  leastBytes: number;
}

// Of the run that is on.
let accounts = new WeakMap<ReceiveWindow, Account>();
let unknown = new WeakSet<ReceiveWindow>();
let shrinks = true;
let broken: string | undefined;

function accountOf(window: ReceiveWindow): Account {
  const known = accounts.get(window);
  if (known !== undefined) return known;
  // Before the first item, the whole window is granted.
  const account = { granted: window.size, size: window.size, released: 0, excess: 0, leastBytes: Infinity };
  accounts.set(window, account);
  return account;
}

const { limit, receive, release, takeGrant } = ReceiveWindow.prototype;
ReceiveWindow.prototype.limit = function (items, bytes) {
  // Behind its first item an AckMux comes only where messages overtake each other: then neither side knows what is granted.
  if (accounts.has(this)) unknown.add(this);
  limit.call(this, items, bytes);
};
ReceiveWindow.prototype.receive = function (bytes) {
  const account = accountOf(this);
  const overrun = receive.call(this, bytes);
  account.leastBytes = Math.min(account.leastBytes, bytes);
  if (overrun === undefined && account.granted > 0) account.granted--;
  return overrun;
};
ReceiveWindow.prototype.release = function () {
  const account = accountOf(this);
  const due = release.call(this);
  account.released++;
  if (!due && this.owed > 0 && this.owed * 4 >= this.size)
    broken ??= `the credit of ${this.owed} items is owed in a window of ${this.size}, and is not due`;
  return due;
};
ReceiveWindow.prototype.takeGrant = function (oneAtATime) {
  const account = accountOf(this);
  const grant = takeGrant.call(this, oneAtATime);
  account.granted += grant;
  if (this.size !== account.size) {
    account.excess = Math.max(0, account.excess - account.released) + account.size;
    account.released = 0;
    account.size = this.size;
  }
  if (!oneAtATime && shrinks && this.size > 1 && this.size * account.leastBytes > this.maxBytes)
    broken ??= `${this.size} items of ${account.leastBytes} bytes and more are a window of ${this.maxBytes} bytes`;
  const circulating = account.granted + this.held + this.owed;
  if (!unknown.has(this) && account.released > account.excess && circulating > this.size + 1)
    broken ??= `${circulating} items may be on their way in a window of ${this.size}`;
  return grant;
};

/**
 * A window lets no more items be on their way than it has, once the credit that it keeps back is used up, and no more of them
 * than fit into its bytes; a quarter of it is returned without delay.
 */
export function windowsHold(peers: Line['peers']): Invariant {
  accounts = new WeakMap();
  unknown = new WeakSet();
  // Towards peers without the extension no window changes its size.
  shrinks = Object.keys(peers).length === 0;
  broken = undefined;
  const check = (): void => {
    if (broken !== undefined) throw new Error(broken);
  };
  return { name: 'a window has no more items on their way than it says', step: check, end: check };
}
