import type { SeededRandom } from '../../../lib/testing/index.js';
import { drawOperation, type Operation } from '../operation.js';
import { performCalls } from '../burst.js';
import { drawAttack, performAttack, type Attack } from '../hostile/perform-attack.js';
import type { World } from '../world.js';
import { delist, drawDelisting, type Delisting } from './delisting.js';
import { drain, drawDrain, type Drain } from './drain.js';
import { drawFileTransfer, transferFiles, type FileTransfer } from './file-transfer.js';
import { drawLeafStay, performLeafStay, type LeafStay } from './leaf-stay.js';
import { drawOddity, performOddity, type Oddity } from './oddity.js';

/** What the simulation does at one step: a call, or something that is more than a call. */
export type Act = Operation | Attack | LeafStay | Drain | Delisting | FileTransfer | Oddity;

/** What acts are drawn from. */
export interface ActSource {
  readonly random: SeededRandom;
  readonly hosts: readonly string[];
  /** A number that no other call has. */
  readonly nextId: () => number;
  /** The list of hosts can be changed. */
  readonly canDelist: boolean;
  /** There are no faults. */
  readonly calm: boolean;
}

/** The share of unusual calls where nothing can excuse another outcome. */
const calmOddities = 0.3;

/** The shares of acts that are no calls. */
const shares: readonly (readonly [number, (source: ActSource) => Act | undefined])[] = [
  [0.08, drawAttack],
  [0.03, drawLeafStay],
  [0.08, drawOddity],
  [0.03, drawFileTransfer],
  [0.01, drawDrain],
  [0.01, drawDelisting],
];

/** Draws a call. */
export function drawCall({ random, hosts, nextId }: ActSource): Operation {
  return drawOperation(random, hosts, nextId());
}

/** Draws an act. */
export function drawAct(source: ActSource): Act {
  if (source.calm && source.random.chance(calmOddities)) return drawOddity(source);
  let left = source.random.next();
  for (const [share, draw] of shares) {
    if (left < share) return draw(source) ?? drawCall(source);
    left -= share;
  }
  return drawCall(source);
}

/** The largest number that a call of an act has. */
export function lastIdOf(act: Act): number {
  if (!('act' in act)) return act.script.id + (act.burst ?? 0);
  return act.act === 'leaf' ? Math.max(act.id, ...act.calls.map(({ call }) => call.script.id)) : act.id;
}

/** Carries an act out. The result settles when it is over. */
export function perform(act: Act, world: World): Promise<void> {
  if (!('act' in act)) return performCalls(act, world);
  switch (act.act) {
    case 'attack':
      return performAttack(act, world);
    case 'leaf':
      return performLeafStay(act, world);
    case 'files':
      return transferFiles(act, world);
    case 'oddity':
      return performOddity(act, world);
    case 'drain':
      return drain(act, world);
    case 'delist':
      return delist(act, world);
  }
}
