// 64 unary calls from one engine to another and back, in memory: the engines, against a Map of calls, a message for
// each frame and a timer of the platform for each deadline.
import { defaultLimits } from '../../dist/esm/limits.js';
import { Engine } from '../../dist/esm/mux/engine.js';
import { answerCalls } from '../../dist/esm/mux/incoming-frames.js';
import { RunningHandlers } from '../../dist/esm/mux/running-handlers.js';
import { decodeFrames } from '../../dist/esm/wire/decode.js';
import { encodeFrame } from '../../dist/esm/wire/encode.js';
import { Flag, Op } from '../../dist/esm/wire/ops.js';
import { noHash } from './frames.mjs';
import { HandRuntime } from './hand-runtime.mjs';

const calls = 64;
const handler = 1;
const timeout = 60_000;
const payloads = Array.from({ length: calls }, (_, index) => new Uint8Array(100).fill(index));

export function create() {
  const callThroughEngines = linkEngines();
  const callPlainly = linkPlainly();
  return {
    operations: calls,
    ours: () => callThroughEngines(() => {}),
    plain: () => callPlainly(() => {}),
    compare: () => [callThroughEngines, callPlainly].map(answersOf),
  };
}

function answersOf(callAll) {
  const answers = [];
  callAll((payload) => answers.push(payload.slice()));
  return answers;
}

function linkEngines() {
  const runtime = new HandRuntime();
  const responder = { kind: 'unary', respond: (mux, payload) => mux.respond(payload) };
  const engine = (other) =>
    new Engine({
      runtime,
      limits: defaultLimits,
      running: new RunningHandlers(),
      checksum: { hash: noHash, hashParts: noHash },
      sendChecksum: false,
      extensions: { ack: true, credits: true, bytes: true },
      firstMuxId: 1,
      caller: 'other',
      sink: { bufferedBytes: 0, copies: false, send: (message) => other().receive(message) },
      find: () => responder,
      incoming: answerCalls,
      onControl() {},
      onFault(error) {
        throw error;
      },
      disconnected: () => new Error('closed'),
    });
  const a = engine(() => b);
  const b = engine(() => a);
  return (onAnswer) => {
    const sink = {
      route: 'bench',
      response: onAnswer,
      failed(error) {
        throw error;
      },
    };
    const deadline = runtime.now() + timeout;
    for (const payload of payloads) a.request({ handler }, payload, deadline, sink);
    runtime.endTurns();
  };
}

function linkPlainly() {
  const waiting = new Map();
  let nextId = 1;
  const frame = (muxId, op, deadlineMs, payload) =>
    encodeFrame({ muxId, seq: 0, deadlineMs, handler, op, flags: Flag.Eof, payload });
  const receiveAnswer = (message) => {
    for (const { muxId, payload } of decodeFrames(message, noHash)) {
      const { timer, onAnswer } = waiting.get(muxId);
      clearTimeout(timer);
      waiting.delete(muxId);
      onAnswer(payload);
    }
  };
  const receiveRequest = (message) => {
    for (const { muxId, payload } of decodeFrames(message, noHash)) {
      receiveAnswer(frame(muxId, Op.Response, 0, payload));
    }
  };
  return (onAnswer) => {
    for (const payload of payloads) {
      const muxId = nextId++;
      const fail = () => {
        throw new Error('timeout');
      };
      waiting.set(muxId, { onAnswer, timer: setTimeout(fail, timeout) });
      receiveRequest(frame(muxId, Op.Request, timeout, payload));
    }
  };
}
