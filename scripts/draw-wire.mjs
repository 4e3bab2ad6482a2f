// Makes docs/wire.md, the wire protocol in pictures, from the recordings in spec/vectors:
//
//   node scripts/draw-wire.mjs > docs/wire.md
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const folder = fileURLToPath(new URL('../spec/vectors/', import.meta.url));
const chapters = [
  ['A connection begins', ['handshake-accepted', 'handshake-bad-token', 'handshake-unknown-host', 'keepalive']],
  ['Unary calls', ['unary-ok', 'unary-error', 'unary-deadline', 'subroute']],
  ['Streams', ['stream-server', 'stream-client', 'stream-error', 'stream-missing', 'stream-cancel', 'stream-deadline']],
  ['Both directions', ['duplex']],
  ['What a host must survive', ['fault-unknown-op', 'fault-unknown-mux', 'fault-sequence-gap', 'fault-crc']],
];
const fields = ['mux', 'seq', 'ms', 'handler', 'op', 'flags', 'payload'];
const letters = {
  Connect: 'C',
  ConnectResponse: 'R',
  Ping: 'p',
  Pong: 'P',
  ConnectMux: 'o',
  AckMux: 'k',
  MuxConnectError: 'x',
  MuxClientMsg: 'i',
  MuxServerMsg: 'i',
  UnblockSrvMux: '+',
  UnblockClMux: '+',
  DisconnectServerMux: '!',
  DisconnectClientMux: '!',
  Request: 'q',
  Response: 'r',
};
const maxShown = 24;

/** The length of a MessagePack value at `at`: integers, booleans, strings and binaries are all that a tuple has. */
function lengthAt(bytes, at) {
  const head = bytes[at];
  if (head < 0x80 || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) return 1;
  if (head >= 0xa0 && head < 0xc0) return 1 + (head & 0x1f);
  const simple = { 0xcc: 2, 0xcd: 3, 0xce: 5, 0xcf: 9, 0xd0: 2, 0xd1: 3, 0xd2: 5, 0xd3: 9 };
  if (simple[head] !== undefined) return simple[head];
  if (head === 0xc4) return 2 + bytes[at + 1];
  if (head === 0xc5) return 3 + bytes.readUInt16BE(at + 1);
  if (head === 0xc6) return 5 + bytes.readUInt32BE(at + 1);
  throw new Error(`No length of ${head.toString(16)}.`);
}

/** The bytes of a frame by field; undefined for what is no frame. */
function partsOf(hex, flags) {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes[0] !== 0x97) return undefined;
  const parts = [['array', bytes.subarray(0, 1)]];
  let at = 1;
  for (const name of fields) {
    const length = lengthAt(bytes, at);
    parts.push([name, bytes.subarray(at, at + length)]);
    at += length;
  }
  if (flags.includes('Subroute')) parts.push(['subroute', bytes.subarray(at, (at += 32))]);
  if (flags.includes('Crc')) parts.push(['checksum', bytes.subarray(at, (at += 4))]);
  if (at < bytes.length) parts.push(['rest', bytes.subarray(at)]);
  return parts;
}

function hexOf(bytes) {
  const text = [...bytes.subarray(0, maxShown)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > maxShown ? `${text} … (${bytes.length} bytes)` : text;
}

/** The frames of a message: those within it where it is Merged. */
const framesOf = ({ frame }) => (frame === undefined ? [] : (frame.merged ?? [frame]));

function payloadText({ payload, flags }) {
  if (typeof payload !== 'string') return `${payload.length} bytes`;
  const bytes = Buffer.from(payload, 'hex');
  if (bytes.length === 0) return flags.includes('PayloadIsZero') ? 'empty payload' : '';
  const text = bytes.toString('latin1');
  return /^[ -~]{1,60}$/.test(text) ? `“${text}”` : `${bytes.length} bytes`;
}

function frameText(frame) {
  const { op = 'op 77', muxId, seq, handler, deadlineMs, flags, malformed } = frame;
  const shown = flags.filter((flag) => flag !== 'Crc' && flag !== 'PayloadIsZero');
  return [
    malformed ? 'malformed' : op,
    muxId === '0' ? '' : `mux ${muxId}`,
    seq === 0 ? '' : `#${seq}`,
    handler === 0 ? '' : `handler ${handler}`,
    payloadText(frame),
    ...shown,
    deadlineMs === 0 ? '' : `${deadlineMs} ms`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** One line for each mux and direction; a column is a message, and what came in one message is in brackets. */
function marblesOf(messages) {
  const lines = new Map();
  const columns = messages.map((message) => {
    const column = new Map();
    for (const frame of framesOf(message)) {
      const name = `${frame.muxId === '0' ? 'connection' : `mux ${frame.muxId}`}, ${message.from}`;
      lines.set(name, '');
      column.set(name, `${column.get(name) ?? ''}${marbleOf(frame)}`);
    }
    return column;
  });
  for (const column of columns) {
    const cells = [...column].map(([name, text]) => [name, text.length > 1 ? `(${text})` : text]);
    const width = Math.max(1, ...cells.map(([, text]) => text.length));
    for (const [name, line] of lines) {
      const text = cells.find(([each]) => each === name)?.[1] ?? '';
      lines.set(name, `${line}-${text.padEnd(width, '-')}`);
    }
  }
  const widest = Math.max(...[...lines.keys()].map((name) => name.length));
  return [...lines].map(([name, line]) => `${name.padEnd(widest)}  ${line}-`).join('\n');
}

function marbleOf({ op, flags, payload }) {
  if (flags.includes('PayloadIsErr')) return '#';
  const end = flags.includes('Eof') && (op === 'MuxServerMsg' || op === 'MuxClientMsg');
  if (end && payload === '') return '|';
  return `${letters[op] ?? '?'}${end ? '|' : ''}`;
}

function recordingText(name) {
  const { about, messages } = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));
  const binary = messages.filter(({ hex }) => hex !== undefined);
  const arrows = messages.map(({ from, frame, closed, ...message }) => {
    if (closed !== undefined) return `${from} closes (${closed})`;
    if (frame === undefined) return undefined;
    const arrow = from === 'dialer' ? '──▶' : '◀──';
    return framesOf({ frame, ...message })
      .map((each, index) => `${index === 0 ? arrow : '   '} ${frameText(each)}`)
      .join('\n');
  });
  const shown = binary.filter(({ frame }) => frame?.merged === undefined && !frame?.malformed).slice(0, 4);
  const rows = shown.flatMap(({ from, hex, frame }) => {
    const parts = partsOf(hex, frame?.flags ?? []);
    if (parts === undefined) return [];
    return [`${from === 'dialer' ? '──▶' : '◀──'} ${frame.op ?? 'op 77'}`, ...parts.map(rowOf)];
  });
  return [
    `### ${name}`,
    about,
    '```text',
    marblesOf(binary),
    '```',
    '```text',
    ...arrows.filter((line) => line !== undefined),
    '```',
    ...(rows.length === 0 ? [] : ['```text', ...rows, '```']),
    '',
  ].join('\n');
}

const rowOf = ([field, bytes]) => `    ${field.padEnd(9)} ${hexOf(bytes)}`;

const page = [
  `# The wire in pictures

Made by \`scripts/draw-wire.mjs\` from recordings of two hosts of the reference, in \`spec/vectors\`, where each of them is a file with all of
its bytes. The rules are on [their own page](protocol.md). Do not edit this one.

Each recording has three pictures. The first one has a line for each mux and direction, and a column for each WebSocket message:

| mark | frame | mark | frame |
| --- | --- | --- | --- |
| \`C\` \`R\` | Connect, ConnectResponse | \`i\` | an item (MuxClientMsg, MuxServerMsg) |
| \`p\` \`P\` | Ping, Pong | \`+\` | credit (UnblockSrvMux, UnblockClMux) |
| \`q\` \`r\` | Request, Response | \`\\|\` \`#\` | the end, or an error |
| \`o\` \`k\` | ConnectMux, AckMux | \`!\` | a cancel (DisconnectServerMux, DisconnectClientMux) |
| \`x\` | MuxConnectError | \`(…)\` | several frames in one message |

The second one has the frames as text: \`──▶\` is from the dialer. The third one has the bytes of the first messages, field by field.
`,
  ...chapters.flatMap(([title, names]) => [`## ${title}\n`, ...names.map(recordingText)]),
].join('\n');
const config = await resolveConfig(fileURLToPath(import.meta.url));
process.stdout.write(await format(page, { ...config, parser: 'markdown' }));
