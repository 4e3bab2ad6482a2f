import {
  ack,
  anyFrame,
  cancel,
  connectRequest,
  connectResponse,
  end,
  fail,
  gone,
  halfClose,
  input,
  inputCredit,
  open,
  output,
  outputCredit,
  ping,
  pong,
  refused,
  request,
  response,
  responseError,
} from './frame-matchers.js';

/**
 * The matchers of frames, for `expectFrames`: `frames.request(route, value)`, `frames.ack()` and so on. An object,
 * because bundlers make a namespace of a module with a helper, and the helper a file of its own.
 */
export const frames = {
  /** A Request: of a route, with a value, where these are given. */
  request,
  /** A Response that is no error. */
  response,
  /** A Response with an error text. */
  responseError,
  /** A ConnectMux: a stream is opened. */
  open,
  /** A MuxConnectError: the call could not start. */
  refused,
  /** An AckMux: the stream is open. */
  ack,
  /** An item of a stream's input, from the caller. */
  input,
  /** An item of a stream's output, from the responder. */
  output,
  /** The end of a stream's input. */
  halfClose,
  /** The end of a stream's output. */
  end,
  /** The end of a stream with an error text. */
  fail,
  /** Credit for the input, from the responder: so many items more. */
  inputCredit,
  /** Credit for the output, from the caller: so many items more. */
  outputCredit,
  /** The caller gives the mux up. */
  cancel,
  /** The responder says that the mux is gone. */
  gone,
  /** A Ping: of the connection, or of a stream. */
  ping,
  /** A Pong. */
  pong,
  /** The first message of a dialer. */
  connectRequest,
  /** The answer of an acceptor. */
  connectResponse,
  /** Any frame with this op. */
  anyFrame,
} as const;
