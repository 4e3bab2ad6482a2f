import { checkOption, whole } from '../../check.js';
import { ConfigurationError } from '../../errors.js';
import { Op } from '../../wire/ops.js';
import type { ClusterHost } from './cluster-host.js';
import {
  checkFaultOptions,
  checkHost,
  faultRules,
  type ClockFaultOptions,
  type LineFaultOptions,
  type MessageFaultOptions,
  type PartitionOptions,
  type RestartOptions,
} from './fault-options.js';
import type { FaultHost, FaultParty, FaultTarget } from './fault-target.js';
import { textOf, type Fault } from './fault.js';
import { LineFaults } from './line-faults.js';

/**
 * Faults of lines and hosts: each at given times, or at random from the seed. Unsubscribing ends a fault.
 *
 * Every method throws ConfigurationError for options that are unknown or out of their range, and for hosts that the
 * target does not have.
 */
export class Faults extends LineFaults {
  /**
   * No host or leaf of one group reaches one of the other: nothing moves, and dials are not answered. With `oneWay`,
   * only what the first group sends does not arrive.
   */
  partition(groupA: readonly FaultParty[], groupB: readonly FaultParty[], options: PartitionOptions = {}): Fault {
    const name = 'faults.partition';
    checkFaultOptions(name, options, faultRules.partition);
    for (const group of [groupA, groupB]) {
      if (!Array.isArray(group) || group.length === 0) {
        throw new ConfigurationError(`${name}: a group must be a list of hosts and leaves that is not empty.`);
      }
      for (const party of group) checkHost(name, party, ['name', 'cable']);
    }
    if (groupA.every((left) => groupB.every((right) => right.name === left.name))) {
      throw new ConfigurationError(`${name}: both groups are ${groupA[0]!.name} alone. Name the hosts on each side.`);
    }
    const names = (group: readonly FaultParty[]): string => group.map((party) => party.name).join(', ');
    return this.happen(textOf('partition', `[${names(groupA)}], [${names(groupB)}]`, options), options, () =>
      groupA.flatMap((left) =>
        groupB
          .filter((right) => right.name !== left.name)
          .map((right) => left.cable(right.name).partition(options.oneWay === true ? left.name : undefined)),
      ),
    );
  }

  /** The host dies, and comes back as a new process; without `for`, when the fault is unsubscribed. */
  restart(host: FaultHost, options: RestartOptions = {}): Fault {
    checkHost('faults.restart', host, ['name', 'crash', 'start']);
    checkFaultOptions('faults.restart', options, faultRules.restart);
    return this.happen(textOf('restart', host.name, options), options, () => {
      if (!host.running) return undefined;
      host.crash(options.silent);
      return [
        () => {
          host.start().catch((error: unknown) => {
            this.time.fail(error);
          });
        },
      ];
    });
  }

  /**
   * The clocks of a host's machine are no longer those of the others: its wall clock is set, both clocks drift, or the
   * machine sleeps.
   *
   * ```ts
   * faults.clock(cluster.host('a'), { wall: -600_000 });                 // set back by ten minutes
   * faults.clock(cluster.host('a'), { sleep: true, for: 3_600_000 });    // a laptop, closed for an hour
   * ```
   *
   * @throws ConfigurationError where none of it is asked for.
   */
  clock(
    host: Pick<ClusterHost, 'name' | 'setWall' | 'sleep'> & Partial<Pick<ClusterHost, 'setRate'>>,
    options: ClockFaultOptions,
  ): Fault {
    checkHost('faults.clock', host, ['setWall', 'sleep']);
    checkFaultOptions('faults.clock', options, faultRules.clock);
    const { wall = 0, sleep = false, rate = 1 } = options;
    if (wall === 0 && !sleep && rate === 1) {
      throw new ConfigurationError(
        'faults.clock: give `wall`, a number of ms by which the wall clock jumps, `rate`, at which both clocks run, or `sleep: true`.',
      );
    }
    return this.happen(textOf('clock', host.name, options), options, () => {
      const undo: (() => void)[] = [];
      if (wall !== 0) {
        host.setWall(wall);
        undo.push(() => {
          host.setWall(-wall);
        });
      }
      if (rate !== 1) {
        host.setRate?.(rate);
        undo.push(() => host.setRate?.(1));
      }
      if (sleep) undo.unshift(host.sleep());
      return undo;
    });
  }

  /**
   * The process of a host stands still, as by SIGSTOP or a long collection of garbage: its clocks go on, but nothing in
   * it runs, nothing arrives at it, and dials are not answered.
   */
  pause(host: Pick<ClusterHost, 'name' | 'pause'>, options: LineFaultOptions = {}): Fault {
    checkHost('faults.pause', host, ['name', 'pause']);
    checkFaultOptions('faults.pause', options, faultRules.line);
    return this.happen(textOf('pause', host.name, options), options, () => [host.pause()]);
  }

  /** Dials to a host fail at once, as those to a port that nobody listens on. What is connected stays so. */
  refuse(host: Pick<ClusterHost, 'name' | 'refuse'>, options: LineFaultOptions = {}): Fault {
    checkHost('faults.refuse', host, ['name', 'refuse']);
    checkFaultOptions('faults.refuse', options, faultRules.line);
    return this.happen(textOf('refuse', host.name, options), options, () => [host.refuse()]);
  }

  /** The first message of each handshake takes `ms` longer. Default: of all that begin while the fault lasts. */
  slowHandshake(target: FaultTarget, ms: number, options: Omit<MessageFaultOptions, 'where'> = {}): Fault {
    checkOption('faults.slowHandshake: ms', ms, whole(1));
    return this.hit(
      'slowHandshake',
      target,
      { rate: 1, ...options, where: ({ op }) => op === Op.Connect },
      (message) => {
        message.extraDelay += ms;
        message.fates.push('delayed');
      },
    );
  }

  /** Each access to the disk of a host takes `ms`; see {@link ClusterHost.disk}. */
  slowDisk(host: Pick<ClusterHost, 'name' | 'disk'>, ms: number, options: LineFaultOptions = {}): Fault {
    checkHost('faults.slowDisk', host, ['name', 'disk']);
    checkOption('faults.slowDisk: ms', ms, whole(1));
    checkFaultOptions('faults.slowDisk', options, faultRules.line);
    return this.happen(textOf('slowDisk', host.name, options), options, () => [host.disk.slow(ms)]);
  }
}
