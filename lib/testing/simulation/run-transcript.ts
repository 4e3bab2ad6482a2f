import type { Frame } from '../../wire/frame.js';
import { Op } from '../../wire/ops.js';
import { readWire, wireText } from '../frames/transcript.js';
import { timeText } from '../marbles/marbles.js';
import type { Cluster } from '../network/cluster.js';

const transcriptLines = 30;

/** The last lines of what went over all cables of a cluster, in the order of time, without the pings of connections. */
export function transcriptOf({ book, cables }: Cluster): string {
  const lines = cables.flatMap((cable) =>
    readWire(cable, book)
      .filter((each) => !('frame' in each) || !isKeepalive(each.frame))
      .map((each) => ({
        at: Math.round(each.at),
        text: 'frame' in each ? wireText(each) : `${cable.ends.join(' ⇄ ')}  ${each.text}`,
      })),
  );
  lines.sort((left, right) => left.at - right.at);
  return lines
    .slice(-transcriptLines)
    .map(({ at, text }) => `${timeText(at)}  ${text}`)
    .join('\n');
}

function isKeepalive({ op, muxId }: Frame): boolean {
  return muxId === 0 && (op === Op.Ping || op === Op.Pong);
}
