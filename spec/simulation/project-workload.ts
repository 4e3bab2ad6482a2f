import type { Invariant, Simulation, Step, Workload } from '../../lib/testing/index.js';
import { drawAct, drawCall, lastIdOf, perform, type Act } from './acts/act.js';
import { readBytes, readFiles, writeFiles } from './acts/file-routes.js';
import { registerFileHandlers } from './acts/file-transfer.js';
import { contractRoutes, registerContractHandlers } from './acts/odd-contracts.js';
import { guardedRoutes, registerGuardedHandlers } from './acts/odd-interceptors.js';
import { flaky, first, odd, oddEcho, oddSink, oddStream, registerOddHandlers, shelf } from './acts/odd-routes.js';
import { registerSourceHandlers, sourceRoutes } from './acts/odd-sources.js';
import { burst } from './burst.js';
import { registerHandlers } from './handlers.js';
import { Probes } from './hostile/probe-routes.js';
import { backOff, BackOffTimes } from './invariants/back-off.js';
import { callBounds } from './invariants/call-bounds.js';
import { clocks } from './invariants/clocks.js';
import { cleanUp } from './invariants/clean-up.js';
import { credit } from './invariants/credit.js';
import { dialRate } from './invariants/dial-rate.js';
import { dialedGrace } from './invariants/dialed-grace.js';
import { emptyItems } from './invariants/empty-items.js';
import { enginesAreEmpty } from './invariants/engines.js';
import { turnsAreFair } from './invariants/fair-turns.js';
import { handlerDeadlines } from './invariants/handler-deadlines.js';
import { keepalive } from './invariants/keepalive.js';
import { muxEnd } from './invariants/mux-end.js';
import { nothingLeft } from './invariants/nothing-left.js';
import { oneConnection } from './invariants/one-connection.js';
import { opening } from './invariants/opening.js';
import { sequence } from './invariants/sequence.js';
import { windowsHold } from './invariants/windows.js';
import { Ledger, rules, type Line } from './ledger.js';
import { bulkOf, type Operation } from './operation.js';
import { Reasons } from './reasons.js';
import { ask, askByName, echo, relay, serve, talk } from './routes.js';
import { throwRules } from './throws.js';
import { WireModel } from './wire-model.js';
import { World } from './world.js';

/** What a workload is drawn for. */
export interface ProjectWorkload {
  readonly line: Line;
  /** There are no faults. */
  readonly calm: boolean;
  /** How many acts come before the faults end, or the whole plan. */
  readonly planned: number | readonly Step<Act>[];
  /** The list of hosts can be changed. */
  readonly changingList: boolean;
}

/** In calm seeds every so many operations are streams of many items. */
const bulkEvery = 12;

/** What the hosts of the simulation do, and everything that must hold. */
export function projectWorkload(simulation: Simulation, options: ProjectWorkload): Workload<Act> {
  const { line } = options;
  const { cluster, clock } = simulation;
  const violate = (rule: string, text: string): void => {
    simulation.violate(rule, text);
  };
  const now = (): number => clock.elapsed;
  const pings = keepalive(() => reasons);
  const answers = cleanUp();
  const model: WireModel = new WireModel(
    [
      sequence(),
      emptyItems(),
      muxEnd(),
      answers,
      credit(cluster.book, (name) => line.peers[name]),
      opening(cluster.book, () => ledger),
      oneConnection(() => reasons),
      pings,
      clocks(() => reasons),
    ],
    now,
    violate,
  );
  const reasons = new Reasons(simulation, model);
  const ledger: Ledger = new Ledger(reasons, line, now, violate);
  const world = new World(simulation, ledger, model);
  const inBackOff = new BackOffTimes(now);
  const grace = dialedGrace(simulation, reasons);
  cluster.network.watch(model);
  const dials = dialRate(now);
  cluster.network.watch(dials.watcher);
  const files = { readFiles, readBytes, writeFiles };
  const oddities = { odd, oddStream, oddEcho, oddSink, flaky, first, ...shelf.routes };
  const others = { ...contractRoutes, ...guardedRoutes, ...sourceRoutes };
  for (const routes of [{ ask, askByName }, serve, relay, talk, echo, files, oddities, others]) {
    for (const route of Object.values(routes)) cluster.book.add(route);
  }
  return {
    setup: (manager, name) => {
      const probes = new Probes();
      probes.register(manager);
      world.probes.set(name, probes);
      const disk = (): Promise<void> => cluster.host(name).disk.access();
      registerHandlers(manager, ledger, disk);
      registerFileHandlers(manager, name, disk, world);
      registerOddHandlers(manager, violate);
      registerContractHandlers(manager, world.runs);
      registerGuardedHandlers(manager);
      registerSourceHandlers(manager);
      grace.watch(manager, name);
      inBackOff.watch(manager);
      world.watch(manager.events$, name);
    },
    draw: drawer(options),
    // The ledger has looked at each failure, and knows what may lead to it.
    mayFail: () => true,
    unhandled: (error) => {
      ledger.throws.report(error, 'unhandled');
    },
    perform: (act) => perform(act, world),
    invariants: [
      atTheEnd(ledger),
      handlerDeadlines(ledger),
      enginesAreEmpty(model),
      windowsHold(line.peers),
      callBounds(),
      turnsAreFair(),
      pingsAreSent(),
      { name: answers.name, end: () => answers.check() },
      backOff(simulation, ledger, inBackOff),
      grace.invariant,
      dials.invariant,
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
      pings.check(model, now());
    };
    return { name: pings.name, step: check, end: check };
  }
}

/** Draws acts, and after the faults nothing but calls. */
function drawer({ line, calm, planned, changingList }: ProjectWorkload): Workload<Act>['draw'] {
  // Of a plan that was given, the ids are taken.
  let lastId =
    typeof planned === 'object'
      ? Math.max(0, ...planned.map((step) => ('operation' in step ? lastIdOf(step.operation) : 0)))
      : 0;
  let drawn = 0;
  const nextId = (): number => {
    const id = lastId + 1;
    lastId += line.storm ? burst : 1;
    return id;
  };
  return (random, hosts) => {
    const source = { random, hosts, nextId, canDelist: changingList, calm };
    const act = ++drawn <= Number(planned) ? drawAct(source) : drawCall(source);
    if ('act' in act) return act;
    // Times are checked where nothing disturbs them.
    if (calm && !line.storm && drawn % bulkEvery === 0) return bulkOf(act);
    return line.storm ? burstOf(act) : act;
  };
}

// Many calls, not many bytes.
function burstOf(call: Operation): Operation {
  return { ...call, burst, script: { ...call.script, size: Math.min(call.script.size, 200) } };
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
