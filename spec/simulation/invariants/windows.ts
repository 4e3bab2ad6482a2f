import type { Invariant } from '../../../lib/testing/index.js';
import { ReceiveWindow } from '../../../lib/mux/stream/credit.js';
import { StreamMux } from '../../../lib/mux/stream/stream.js';
import { decodeCredit } from '../../../lib/wire/payloads/window-payloads.js';
import type { Line } from '../ledger.js';

/** What a window has told its sender, and got from it. */
interface Account {
  /** Credit that the sender has, as far as the window knows. */
  granted: number;
  size: number;
  /** As many items as it may have too many: it keeps their credit back as they are released. */
  excess: number;
  /** The size of the smallest item so far. */
  leastBytes: number;
}

/** The part of a stream that sends credit. */
interface Sender {
  readonly creditOp: number;
  sendCredit(this: Sender): void;
  sendSequenced(this: Sender, op: number, flags: number, payload: Uint8Array, tail?: unknown): void;
}

// Of the run that is on.
let accounts = new WeakMap<ReceiveWindow, Account>();
let unknown = new WeakSet<ReceiveWindow>();
let shrinks = true;
let broken: string | undefined;
// While a stream sends its credit: what it has to send, and what it has sent.
let granting: { due: number; sent: number } | undefined;

function accountOf(window: ReceiveWindow): Account {
  const known = accounts.get(window);
  if (known !== undefined) return known;
  // Before the first item, the whole window is granted.
  const account = { granted: window.size, size: window.size, excess: 0, leastBytes: Infinity };
  accounts.set(window, account);
  return account;
}

const { limit, receive, release, takeGrant } = ReceiveWindow.prototype;
ReceiveWindow.prototype.limit = function (items, bytes) {
  // Behind its first item an AckMux comes only where messages overtake each other: then neither side knows what is
  // granted.
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
  account.excess = Math.max(0, account.excess - 1);
  if (!due && this.owed > 0 && this.owed * 4 >= this.size)
    broken ??= `the credit of ${this.owed} items is owed in a window of ${this.size}, and is not due`;
  return due;
};
ReceiveWindow.prototype.takeGrant = function (oneAtATime) {
  const account = accountOf(this);
  const grant = takeGrant.call(this, oneAtATime);
  account.granted += grant;
  if (granting !== undefined) granting.due += grant;
  if (!oneAtATime && shrinks && this.size > 1 && this.size * account.leastBytes > this.maxBytes)
    broken ??= `${this.size} items of ${account.leastBytes} bytes and more are a window of ${this.maxBytes} bytes`;
  const circulating = account.granted + this.held + this.owed;
  if (this.size !== account.size) {
    account.excess = Math.max(0, circulating - this.size);
    account.size = this.size;
  }
  if (shrinks && !unknown.has(this) && circulating > this.size + account.excess + 1)
    broken ??= `${circulating} items may be on their way in a window of ${this.size}`;
  return grant;
};

const stream = StreamMux.prototype as unknown as Sender;
const { sendCredit, sendSequenced } = stream;
stream.sendCredit = function () {
  granting = { due: 0, sent: 0 };
  sendCredit.call(this);
  const { due, sent } = granting;
  granting = undefined;
  if (due !== sent) broken ??= `${sent} credits are sent where ${due} are granted`;
};
stream.sendSequenced = function (op, flags, payload, tail) {
  if (granting !== undefined && op === this.creditOp)
    granting.sent += payload.length === 0 ? 1 : decodeCredit(payload).credits;
  sendSequenced.call(this, op, flags, payload, tail);
};

/**
 * A window lets no more items be on their way than it has, once the credit that it keeps back is used up, and no more
 * of them than fit into its bytes; a quarter of it is returned without delay.
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
