import { RejectedError, type LeafIdentity } from '../../lib/index.js';
import type { PeerKind, SimulationOptions, Step, VirtualClock } from '../../lib/testing/index.js';
import { hostNames } from '../../lib/testing/network/cluster.js';
import type { Act } from './acts/act.js';
import { readLeafToken, refusedToken } from './acts/leaf-stay.js';
import { passing } from './interceptors.js';
import { stormLimits, usualLimits } from './limits.js';
import type { Line } from './ledger.js';
import { projectWorkload } from './project-workload.js';
import { rotatingSecret, rotatingToken } from './rotating-token.js';

/** What the simulation of the library itself is drawn from. */
export interface ProjectSimulation {
  readonly seed: number;
  readonly hosts: number;
  /** Operations to draw, or a whole plan. */
  readonly steps?: number | readonly Step<Act>[];
  readonly shrinkRuns?: number;
}

/** Acts in 30 virtual seconds. */
const acts = 60;
/** Every so many seeds pass their calls through interceptors; in as many, the list of hosts changes. */
const interceptedEvery = 2;
const changingEvery = 3;
/** Every so many seeds have a broken peer: messages come twice, or behind others. */
const brokenEvery = 8;
/** And so many have no faults at all: there, hardly anything may fail. */
const calmEvery = 9;
/** And so many have hosts without extensions, or of the previous version. */
const peersEvery = 4;
/** And so many have tokens of `sharedSecret`, which take longer. */
const secretEvery = 13;
/** And so many disconnect leaves that are idle for so many ms. */
const idleEvery = 7;
const idleMs = 1_500;
/** And so many are storms: bursts of calls that come at once, and limits that they reach. */
const stormEvery = 10;
const stormBursts = 25;

/** The simulation of the library: all kinds of calls, all faults, and everything that the protocol promises. */
export function projectSimulation({ seed, hosts, steps, shrinkRuns }: ProjectSimulation): SimulationOptions<Act> {
  const broken = seed % brokenEvery === brokenEvery - 1;
  const calm = seed % calmEvery === 0;
  const storm = seed % stormEvery === 6;
  const line: Line = {
    latency: 1 + (seed % 23),
    jitter: seed % 5,
    // A slow line is what makes frames wait in the send queue. Half of the calm seeds have fast ones, where times are
    // checked.
    ...(seed % 3 === 0 && !(calm && seed % 2 === 0) ? { bandwidth: 400_000 } : {}),
    storm,
    peers: seed % peersEvery === 2 ? drawPeers(seed, hosts) : {},
    intercepted: seed % interceptedEvery === 1,
    idleLeaves: seed % idleEvery === 3,
  };
  const changingList = !calm && seed % changingEvery === 1;
  const planned = storm ? stormBursts : acts;
  const { latency, jitter, bandwidth, peers } = line;
  let clock: VirtualClock;
  return {
    seed,
    hosts,
    steps: steps ?? planned,
    // Every second time a majority has to do without the others.
    liveness:
      seed % 2 === 0
        ? { core: Math.ceil((hosts + 1) / 2), ...(storm ? { operations: 2 } : {}) }
        : storm
          ? { operations: 2 }
          : {},
    faults: calm
      ? false
      : broken
        ? { every: 2_500, kinds: ['duplicate', 'reorder', 'cut', 'stall'] }
        : { every: 2_000 },
    // A responder whose caller cannot be heard any more waits for four stream pings, and what runs at a host that has
    // left the list has half a minute.
    ...(broken ? { quiet: 80_000 } : changingList ? { quiet: 45_000 } : {}),
    cluster: {
      latency,
      jitter,
      peers,
      changingList,
      auth: seed % secretEvery === 5 ? rotatingSecret(() => clock) : rotatingToken(),
      leaves: { authenticate, ...(line.idleLeaves ? { limits: { idle: idleMs } } : {}) },
      // Leaves are told the planned failures, too.
      exposeErrors: true,
      relay: { authorize: () => true },
      ...(line.intercepted ? { intercept: passing } : {}),
      ...(bandwidth === undefined ? {} : { bandwidth }),
      limits: storm ? stormLimits : usualLimits,
    },
    workload: (simulation) => {
      ({ clock } = simulation);
      return projectWorkload(simulation, {
        line,
        calm,
        planned: typeof steps === 'object' ? steps : planned,
        changingList,
      });
    },
    repeat: (failing) => `npm run simulate -- --seeds 1 --hosts ${hosts} --seed ${failing}`,
    ...(shrinkRuns === undefined ? {} : { shrinkRuns }),
  };
}

function drawPeers(seed: number, count: number): Readonly<Record<string, PeerKind>> {
  const names = hostNames(count);
  return { [names[seed % count]!]: 'previous', [names[Math.floor(seed / peersEvery) % count]!]: 'reference' };
}

// Hostile peers, and leaves whose tokens expire.
function authenticate(token: string): LeafIdentity | string {
  if (token === refusedToken) throw new RejectedError('a token that no host accepts', 'token');
  const leaf = readLeafToken(token);
  if (leaf === undefined) return token;
  // The clock of the test: the true time.
  return leaf.ms === 0 ? leaf.name : { identity: leaf.name, expiresAt: Date.now() + leaf.ms };
}
