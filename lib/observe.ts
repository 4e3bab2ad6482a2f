import type { ErrorInfo } from './error-info.js';

/** An event that an operator should know of, and that belongs to no single call. */
export type GridEvent =
  /** A handler threw, or its result broke the contract. */
  | {
      readonly type: 'handler-error';
      readonly route: string;
      readonly caller: string;
      readonly error: ErrorInfo;
      /** In the text that the caller gets, where that does not get the text of the error. */
      readonly id?: string;
    }
  /** The Observable of a unary handler has emitted its item and does not complete: the caller still waits. */
  | { readonly type: 'handler-not-completed'; readonly route: string; readonly caller: string; readonly remedy: string }
  /**
   * `consume()` stands behind an asynchronous operator: items are taken before their consumer has finished with them.
   * Or `zip()` lets a stream run ahead of another one.
   */
  | { readonly type: 'backpressure-lost'; readonly route: string; readonly remedy: string }
  /** An open stream's output fills its window and is not read. */
  | { readonly type: 'unread-output'; readonly route: string; readonly held: number }
  /**
   * A caller has an input, and the route of the handler has none: nothing of the input arrives. Emitted at both ends;
   * `host` is the other one. At the caller only where the other side is an rxgrid: a reference peer does not report it.
   */
  | { readonly type: 'input-ignored'; readonly route: string; readonly host: string; readonly remedy: string }
  /**
   * A route without a capacity of its own is used with a peer that does not announce windows (the extension `ack`):
   * both go by their own tables, and a stream fails or stands still where those differ. `host` is the peer, `capacity`
   * what this side goes by. Emitted once for each route.
   */
  | {
      readonly type: 'capacity-assumed';
      readonly route: string;
      readonly host: string;
      readonly capacity: number;
      readonly remedy: string;
    }
  /**
   * The handler's side has ended a stream because of what its caller sent: more items than the window of the input
   * holds (`handler blocked`), or an item after the end of the input or on a route without one
   * (`did not expect inbound message`). `reason` is the text that the caller gets.
   */
  | {
      readonly type: 'input-refused';
      readonly route: string;
      readonly caller: string;
      readonly reason: 'handler blocked' | 'did not expect inbound message';
      readonly remedy: string;
    }
  /**
   * A call has metadata, but the host supports none (the extension `meta`), as a reference peer: the call is sent
   * without it. Emitted once for each connection.
   */
  | { readonly type: 'meta-not-sent'; readonly route: string; readonly host: string; readonly remedy: string }
  /** A delivery was garbage-collected without `release()`: its credit is lost. */
  | { readonly type: 'unreleased-delivery'; readonly route: string }
  /** The other side broke a rule of the protocol. */
  | { readonly type: 'protocol-fault'; readonly host: string; readonly message: string }
  /**
   * A connection was lost, or a handshake that others began, because a bound was reached, at this side or at the other
   * one: the message names the option.
   */
  | { readonly type: 'limit'; readonly host: string; readonly limit: string; readonly message: string }
  /**
   * Two processes run under the name `host`: one is connected to the host `at` and answers, and another one dialed it
   * and was turned away. Emitted at `at` and at both processes; at the older one where it and `at` are both rxgrid.
   */
  | { readonly type: 'duplicate-host'; readonly host: string; readonly at: string }
  /**
   * The Observable `hosts` of the manager of `host` emitted a list that is probably wrong. `empty`: the list was
   * ignored, and the previous one stays. `local-missing`: it does not contain `host`; it was applied. `duplicate`: it
   * names a host more than once; the name counts once.
   */
  | {
      readonly type: 'host-list';
      readonly host: string;
      readonly problem: 'empty' | 'local-missing' | 'duplicate';
      readonly remedy: string;
    }
  /** A handshake was rejected, by this side or by the other one. */
  | { readonly type: 'rejected'; readonly host: string; readonly by: 'local' | 'remote'; readonly reason: string };

/** Takes events. The default drops them; a manager passes them on to `events$`. */
export type Report = (event: GridEvent) => void;
