import type { Invariant } from '../../../lib/testing/index.js';
import { ReceiveWindow } from '../../../lib/mux/stream/credit.js';

/** What a window has told its sender, and got from it. */
interface Account {
  /** Credit that the sender has, as far as the window knows. */
  granted: number;
  /** Its size, and how many items were released since it changed. */
  size: number;
  released: number;
  /** As many items as it may have too many: it keeps their credit back as they are released. */
  excess: number;
}

// Of the run that is on.
let accounts = new WeakMap<ReceiveWindow, Account>();
let broken: string | undefined;

function accountOf(window: ReceiveWindow): Account {
  const known = accounts.get(window);
  if (known !== undefined) return known;
  // Before the first item, the whole window is granted.
  const account = { granted: window.size, size: window.size, released: 0, excess: 0 };
  accounts.set(window, account);
  return account;
}

const { receive, release, takeGrant } = ReceiveWindow.prototype;
ReceiveWindow.prototype.receive = function (bytes) {
  const account = accountOf(this);
  const overrun = receive.call(this, bytes);
  if (overrun === undefined && account.granted > 0) account.granted--;
  return overrun;
};
ReceiveWindow.prototype.release = function () {
  const account = accountOf(this);
  const due = release.call(this);
  account.released++;
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
  const circulating = account.granted + this.held + this.owed;
  if (account.released > account.excess && circulating > this.size + 1)
    broken ??= `${circulating} items may be on their way in a window of ${this.size}`;
  return grant;
};

/** A window lets no more items be on their way than it has, once the credit that it keeps back is used up. */
export function windowsHold(): Invariant {
  accounts = new WeakMap();
  broken = undefined;
  const check = (): void => {
    if (broken !== undefined) throw new Error(broken);
  };
  return { name: 'a window has no more items on their way than it says', step: check, end: check };
}
