import {
  shortName,
  type Invariant,
  type PeerKind,
  type Simulation,
  type SimulationOptions,
  type Step,
  type Workload,
} from '../../lib/testing/index.js';
import { hostNames } from '../../lib/testing/network/cluster.js';
import { burst, performCalls } from './burst.js';
import { GridError } from '../../lib/index.js';
import { InputFailed, registerHandlers } from './handlers.js';
import { backOff, BackOffTimes } from './invariants/back-off.js';
import { cleanUp } from './invariants/clean-up.js';
import { enginesAreEmpty } from './invariants/engines.js';
import { credit } from './invariants/credit.js';
import { emptyItems } from './invariants/empty-items.js';
import { handlerDeadlines } from './invariants/handler-deadlines.js';
import { keepalive } from './invariants/keepalive.js';
import { muxEnd } from './invariants/mux-end.js';
import { nothingLeft } from './invariants/nothing-left.js';
import { oneConnection } from './invariants/one-connection.js';
import { opening } from './invariants/opening.js';
import { sequence } from './invariants/sequence.js';
import { performAttack } from './hostile/perform-attack.js';
import { Probes } from './hostile/probe-routes.js';
import { hostilePrefix } from './hostile/raw-peer.js';
import { Ledger, rules, type Line } from './ledger.js';
import { Reasons } from './reasons.js';
import { bulkOf, drawOperation, type Operation } from './operation.js';
import { ask, askByName, echo, relay, serve, talk } from './routes.js';
import { throwRules } from './throws.js';
import { WireModel } from './wire-model.js';

/** What the simulation of the library itself is drawn from. */
export interface ProjectSimulation {
  readonly seed: number;
  readonly hosts: number;
  /** Operations to draw, or a whole plan. */
  readonly steps?: number | readonly Step<Operation>[];
  readonly shrinkRuns?: number;
}

/** Operations in 30 virtual seconds. */
const operations = 60;
/** Every so many seeds have a broken peer: messages come twice, or behind others. */
const brokenEvery = 8;
/** And so many have no faults at all: there, hardly anything may fail. */
const calmEvery = 9;
/** And so many have hosts without extensions, or of the previous version. */
const peersEvery = 4;
/** In calm seeds every so many operations are streams of many items. */
const bulkEvery = 12;
/** And so many are storms: bursts of calls that come at once, and limits that they reach. */
const stormEvery = 10;
const stormBursts = 5;
const stormLimits = {
  maxOpenMuxes: 120,
  maxSendQueueBytes: 96 << 10,
  maxReceiveBytes: 128 << 10,
  maxWaitingCalls: 80,
  maxMessageFrames: 4_000,
  maxCancelsPerSecond: 1_000,
};

/** The simulation of the library: all kinds of calls, all faults, and everything that the protocol promises. */
export function projectSimulation({ seed, hosts, steps, shrinkRuns }: ProjectSimulation): SimulationOptions<Operation> {
  const broken = seed % brokenEvery === brokenEvery - 1;
  const calm = seed % calmEvery === 0;
  const storm = seed % stormEvery === 6;
  const line: Line = {
    latency: 1 + (seed % 23),
    jitter: seed % 5,
    // A slow line is what makes frames wait in the send queue. Half of the calm seeds have fast ones, where times are checked.
    ...(seed % 3 === 0 && !(calm && seed % 2 === 0) ? { bandwidth: 400_000 } : {}),
    storm,
    peers: seed % peersEvery === 2 ? drawPeers(seed, hosts) : {},
  };
  const { latency, jitter, bandwidth, peers } = line;
  return {
    seed,
    hosts,
    steps: steps ?? (storm ? stormBursts : operations),
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
    // A responder whose caller cannot be heard any more waits for four stream pings.
    ...(broken ? { quiet: 80_000 } : {}),
    cluster: {
      latency,
      jitter,
      peers,
      // Hostile peers are leaves.
      leaves: { authenticate: (token) => token },
      ...(bandwidth === undefined ? {} : { bandwidth }),
      ...(storm ? { limits: stormLimits } : {}),
    },
    workload: (simulation) => workload(simulation, { ...line, calm }, steps),
    repeat: (failing) => `npm run simulate -- --seeds 1 --hosts ${hosts} --seed ${failing}`,
    ...(shrinkRuns === undefined ? {} : { shrinkRuns }),
  };
}

function drawPeers(seed: number, count: number): Readonly<Record<string, PeerKind>> {
  const names = hostNames(count);
  return { [names[seed % count]!]: 'previous', [names[Math.floor(seed / peersEvery) % count]!]: 'reference' };
}

function workload(
  simulation: Simulation,
  line: Line & { readonly calm: boolean },
  steps: ProjectSimulation['steps'],
): Workload<Operation> {
  const { cluster, clock } = simulation;
  const violate = (rule: string, text: string): void => {
    simulation.violate(rule, text);
  };
  const pings = keepalive();
  const answers = cleanUp();
  const model: WireModel = new WireModel(
    [
      sequence(),
      emptyItems(),
      muxEnd(),
      answers,
      credit(cluster.book, (name) => line.peers[name]),
      opening(cluster.book, () => ledger),
      oneConnection(),
      pings,
    ],
    () => clock.elapsed,
    violate,
  );
  const reasons = new Reasons(simulation, model);
  const ledger: Ledger = new Ledger(reasons, line, () => clock.elapsed, violate);
  const probes = new Map<string, Probes>();
  const inBackOff = new BackOffTimes(() => clock.elapsed);
  cluster.network.watch(model);
  for (const routes of [{ ask, askByName }, serve, relay, talk, echo]) {
    for (const route of Object.values(routes)) cluster.book.add(route);
  }
  // Of a plan that was given, the ids are taken.
  let calls =
    typeof steps === 'object'
      ? Math.max(
          0,
          ...steps.map((step) => ('operation' in step ? step.operation.script.id + (step.operation.burst ?? 0) : 0)),
        )
      : 0;
  let drawn = 0;
  return {
    setup: (manager, name) => {
      const ofHost = new Probes();
      ofHost.register(manager);
      probes.set(name, ofHost);
      registerHandlers(manager, ledger, () => cluster.host(name).disk.access());
      inBackOff.watch(manager);
      manager.events$.subscribe((event) => {
        if (event.type === 'handler-error') {
          const { cause } = event.error;
          // What came of the failure of a call that the handler made, or of its input.
          if (!(cause instanceof GridError) && !(cause instanceof InputFailed)) ledger.throws.report(cause, 'events$');
        }
        if (event.type === 'protocol-fault' && event.host.startsWith(hostilePrefix)) return;
        // In a storm more calls are cancelled than the small limit allows.
        if (event.type !== 'protocol-fault' || (line.storm && event.message.includes('maxCancelsPerSecond'))) return;
        // What was corrupted is found. Nothing else may break the protocol.
        if (model.wasTampered(shortName(manager.local), shortName(event.host))) return;
        violate('no host sees the protocol broken', `${manager.local} and ${event.host}: ${event.message}`);
      });
    },
    draw: (random, hosts) => {
      const operation = drawOperation(random, hosts, ++calls, ++drawn <= (line.storm ? stormBursts : operations));
      // Times are checked where nothing disturbs them.
      if (line.calm && !line.storm && drawn % bulkEvery === 0) return bulkOf(operation);
      if (!line.storm) return operation;
      calls += burst;
      // Many calls, not many bytes.
      const { script } = operation;
      return { ...operation, burst, script: { ...script, size: Math.min(script.size, 200) } };
    },
    // The ledger has looked at each failure, and knows what may lead to it.
    mayFail: () => true,
    unhandled: (error) => {
      ledger.throws.report(error, 'unhandled');
    },
    perform: (operation) =>
      operation.attack === undefined
        ? performCalls(operation, simulation, ledger)
        : performAttack(operation, simulation, ledger, probes.get(operation.to)!),
    invariants: [
      atTheEnd(ledger),
      handlerDeadlines(ledger),
      enginesAreEmpty(model),
      pingsAreSent(),
      { name: answers.name, end: () => answers.check() },
      backOff(simulation, ledger, inBackOff),
      nothingLeft(simulation, model),
      // Not before all is closed: what is thrown at the end is reported later.
      {
        name: throwRules.once,
        closed() {
          ledger.throws.check();
        },
      },
    ],
  };

  function pingsAreSent(): Invariant {
    const check = (): void => {
      pings.check(model, clock.elapsed, reasons);
    };
    return { name: pings.name, step: check, end: check };
  }
}

function atTheEnd(ledger: Ledger): Invariant {
  return {
    name: 'what is left of the calls',
    end() {
      for (const record of ledger.calls.values()) {
        if (record.outcomes === 0 && !record.stopped) ledger.violate(rules.outcome, record, 'no outcome');
        if (record.unsent && record.runs > 0) ledger.violate(rules.unsent, record, `${record.runs} handlers ran`);
        if (record.running > 0) ledger.violate(rules.stopped, record, `${record.running} still run`);
      }
    },
  };
}
