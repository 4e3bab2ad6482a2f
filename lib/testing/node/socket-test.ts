import { aFunction, anyMs, checkOption, checkOptions, whole, type Rule } from '../../check.js';
import { systemRuntime } from '../../runtime.js';
import type { FlowClusterOptions, FlowContext } from '../flow-context.js';
import { unstruckError } from '../grid-test-run.js';
import { timeOf } from '../marbles/marbles.js';
import { Faults } from '../network/faults.js';
import { SeededRandom } from '../seeded-random.js';
import { SocketCluster } from './socket-cluster.js';

/** Options of {@link socketTest}. */
export interface SocketTestOptions {
  /** Of the test's and the faults' random choices. Default 1. The order of events is that of the sockets. */
  readonly seed?: number;
  /** Ms that the test may run. Default 30 000. */
  readonly timeout?: number;
}

const rules: Readonly<Record<keyof SocketTestOptions, Rule>> = { seed: whole(0), timeout: anyMs };
/** Ms between two checks of a condition. */
const checkInterval = 5;

/**
 * Runs a body over real sockets on the loopback interface, in real time, with the faults of `rxgrid/testing`: the same
 * body runs on virtual time with `gridTest`. It must not depend on exact times: wait with `until`.
 *
 * ```ts
 * const body = async ({ cluster, faults, until }: FlowContext) => { … };
 * test('on virtual time', () => gridTest(body));
 * test('over sockets', () => socketTest(body));
 * ```
 *
 * Bytes have no messages: faults that need these (`drop`, `duplicate`, `reorder`, the option `where`) are refused.
 *
 * @throws what `body` throws; GridAssertionError for a fault that never struck; Error after `timeout`.
 */
export async function socketTest(
  body: (context: FlowContext) => void | Promise<void>,
  options: SocketTestOptions = {},
): Promise<void> {
  checkOption('socketTest: the body', body, aFunction('takes the context of the test'));
  checkOptions(options, rules, { of: 'socketTest' });
  const { seed = 1, timeout = 30_000 } = options;
  const seeded = new SeededRandom(seed);
  const clusters: Promise<SocketCluster>[] = [];
  let fail!: (error: unknown) => void;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const faults = new Faults({ seeded, schedule: systemRuntime.schedule.bind(systemRuntime), fail });
  const cancel = systemRuntime.schedule(() => {
    fail(new Error(`The socketTest has run for ${timeout} ms.`));
  }, timeout);
  try {
    const running = (async () => {
      await body(contextOf(seeded, faults, clusters));
      if (faults.unstruck.length > 0) throw unstruckError(faults.unstruck, '');
    })();
    running.catch(() => undefined);
    await Promise.race([running, failed]);
  } finally {
    cancel();
    for (const fault of faults.all) fault.unsubscribe();
    const made = await Promise.allSettled(clusters);
    for (const each of made) if (each.status === 'fulfilled') await each.value.close();
  }
}

function contextOf(seeded: SeededRandom, faults: Faults, clusters: Promise<SocketCluster>[]): FlowContext {
  return {
    faults,
    random: seeded.fork('test'),
    cluster: (options: FlowClusterOptions) => {
      const cluster = SocketCluster.listen(options);
      clusters.push(cluster);
      return cluster;
    },
    advance: (time) => realTime(timeOf(time)),
    until: async (condition, limit = '20s') => {
      const end = systemRuntime.now() + timeOf(limit);
      while (!condition()) {
        if (systemRuntime.now() > end) {
          throw new Error(`until: the condition does not hold after ${timeOf(limit)} ms: ${String(condition)}`);
        }
        await realTime(checkInterval);
      }
    },
    hold: async (work) => work,
  };
}

function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemRuntime.schedule(resolve, ms);
  });
}
