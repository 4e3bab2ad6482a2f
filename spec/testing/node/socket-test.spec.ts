import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defer, retry } from 'rxjs';
import { ConfigurationError, type, unary } from '../../../lib/index.js';
import { gridTest, simulate, type FlowContext } from '../../../lib/testing/index.js';
import { socketTest, writeSpec } from '../../../lib/testing/node/index.js';

const echo = unary({ id: 1, name: 'echo', request: type<Uint8Array>(), response: type<number>() });

type Fault = (context: FlowContext, grid: Awaited<ReturnType<FlowContext['cluster']>>) => void;

/**
 * A call succeeds, a fault strikes, and a call succeeds again in the end; `lost`: the connection does not outlive the
 * fault.
 */
function body(strike: Fault, lost: boolean) {
  return async (context: FlowContext): Promise<void> => {
    const { cluster, until } = context;
    const grid = await cluster({ hosts: ['shop', 'store', 'bank'] });
    for (const host of grid.hosts) host.handle(echo, (bytes) => bytes.length);
    await grid.connected();
    const answers: number[] = [];
    const call = (size: number): void => {
      defer(() => grid.host('shop').connection('store').request(echo, new Uint8Array(size), { timeout: 400 }))
        .pipe(retry({ delay: 50 }))
        .subscribe((length) => answers.push(length));
    };
    call(1);
    await until(() => answers.length === 1);
    let connects = 0;
    grid
      .host('shop')
      .connection('store')
      .state$.subscribe((state) => (connects = state.connects));
    strike(context, grid);
    call(5_000);
    await until(() => answers.length === 2, '1m');
    expect(answers).toStrictEqual([1, 5_000]);
    expect(connects > 1).toBe(lost);
    defer(() => grid.host('bank').connection('store').request(echo, new Uint8Array(7)))
      .pipe(retry({ delay: 50 }))
      .subscribe((length) => answers.push(length));
    await until(() => answers.length === 3);
  };
}

const cases: Readonly<Record<string, { readonly strike: Fault; readonly lost: boolean }>> = {
  cut: {
    strike: ({ faults }, grid) => {
      faults.cut(grid.cable('shop', 'store'));
    },
    lost: true,
  },
  // Nobody is informed, so the call has its own timeout; the cut ends the silence before the pings do.
  'half-open': {
    strike: ({ faults }, grid) => {
      faults.halfOpen(grid.cable('shop', 'store'), { from: 'shop' });
      faults.cut(grid.cable('shop', 'store'), { at: 600 });
    },
    lost: true,
  },
  corrupt: {
    strike: ({ faults }, grid) => {
      faults.corrupt(grid.cable('shop', 'store'), { from: 'shop' });
    },
    lost: true,
  },
  delay: {
    strike: ({ faults }, grid) => {
      faults.delay(grid, 20, { count: 3 });
    },
    lost: false,
  },
  slice: {
    strike: ({ faults }, grid) => {
      faults.slice(grid.cable('shop', 'store'), 500, { from: 'shop', count: 4 });
    },
    lost: false,
  },
  limit: {
    strike: ({ faults }, grid) => {
      faults.limit(grid.cable('shop', 'store'), 100_000, { for: 500 });
    },
    lost: false,
  },
  stall: {
    strike: ({ faults }, grid) => {
      faults.stall(grid.cable('shop', 'store'), { for: 100 });
    },
    lost: false,
  },
  restart: {
    strike: ({ faults }, grid) => {
      faults.restart(grid.host('store'), { for: 200 });
    },
    lost: true,
  },
};

describe.each(Object.entries(cases))('%s', (_, { strike, lost }) => {
  it('on virtual time', () => gridTest(body(strike, lost)));
  it('over real sockets', () => socketTest(body(strike, lost)));
});

describe('socketTest', () => {
  it('partition: no dial is answered until it heals', async () => {
    const flow = async ({ cluster, faults, until, advance }: FlowContext): Promise<void> => {
      const grid = await cluster({ hosts: ['shop', 'store'] });
      await grid.connected();
      let status = '';
      grid
        .host('shop')
        .connection('store')
        .state$.subscribe((state) => (status = state.status));
      const partition = faults.partition([grid.host('shop')], [grid.host('store')]);
      faults.cut(grid.cable('shop', 'store'));
      await until(() => status !== 'connected');
      await advance(300);
      expect(status).not.toBe('connected');
      partition.unsubscribe();
      await until(() => status === 'connected', '30s');
    };
    await gridTest(flow);
    await socketTest(flow);
  });

  it('refuses faults that need frames, unknown names, and a fault that never struck', async () => {
    await socketTest(async ({ cluster, faults }) => {
      const grid = await cluster({ hosts: ['shop', 'store'] });
      for (const ask of [
        () => faults.drop(grid),
        () => faults.duplicate(grid.cable('shop', 'store')),
        () => faults.reorder(grid),
        () => faults.delay(grid, 5, { where: () => true }),
        () => grid.cable('shop', 'stroe'),
        () => grid.host('stroe'),
        () => faults.stall(grid, { from: 'stroe' }),
      ]) {
        expect(ask).toThrow(ConfigurationError);
      }
      const host = grid.host('shop') as never;
      expect(() => faults.pause(host)).toThrow('faults.pause needs virtual time');
      expect(() => faults.clock(host, { wall: 1 })).toThrow('faults.clock needs virtual time');
      const ask = async (options: object): Promise<unknown> => cluster({ hosts: ['a', 'b'], ...options });
      await expect(ask({ latency: 5 })).rejects.toThrow('cluster: latency needs virtual time');
      await expect(ask({ readyQorum: 1 })).rejects.toThrow(
        'cluster has no option readyQorum. Did you mean readyQuorum?',
      );
      await expect(ask({ hosts: [] })).rejects.toThrow('cluster: it needs a host');
    });
    const never = socketTest(async ({ cluster, faults }) => {
      const grid = await cluster({ hosts: ['shop', 'store'] });
      faults.cut(grid);
    });
    await expect(never).rejects.toThrow('Faults that never struck');
    await expect(socketTest(() => undefined, { sed: 1 } as never)).rejects.toThrow('socketTest has no option sed.');
    await expect(socketTest(undefined as never)).rejects.toThrow('socketTest: the body must be a function');
  });

  it('ends at its timeout, and closes everything', async () => {
    let port = '';
    const run = socketTest(
      async ({ cluster }) => {
        const grid = await cluster({ hosts: ['shop', 'store'] });
        await grid.connected();
        port = new URL(grid.host('shop').url).port;
        await new Promise(() => undefined);
      },
      { timeout: 500 },
    );
    await expect(run).rejects.toThrow('The socketTest has run for 500 ms.');
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });
});

describe('writeSpec', () => {
  it('writes the plan of a failed simulation, and overwrites nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rxgrid-spec-'));
    try {
      const error: unknown = await simulate({
        hosts: ['a'],
        steps: [{ at: 5, operation: "it's one" }],
        faults: false,
        shrinkRuns: 0,
        workload: () => ({
          setup: () => undefined,
          draw: () => '',
          perform: () => {
            throw new TypeError('no');
          },
        }),
      }).catch((reason: unknown) => reason);
      const options = {
        path: join(folder, 'regressions/seed.spec.ts'),
        imports: "import { mine } from './mine.js';",
        simulation: 'mine()',
      };
      await writeSpec(error, options);
      expect(readFileSync(options.path, 'utf8')).toBe(
        `import { test } from '@jest/globals';
import { simulate } from 'rxgrid/testing';
import { mine } from './mine.js';

test('seed 1: an operation fails with nothing but a GridError', async () => {
  await simulate({
    ...mine(),
    seed: 1,
    steps: [
      { at: 5, operation: "it's one" },
    ],
  });
});
`,
      );
      await expect(writeSpec(error, options)).rejects.toThrow('EEXIST');
      await expect(writeSpec(new Error('mine'), options)).rejects.toThrow('mine');
      await expect(writeSpec({ seed: 1 }, options)).rejects.toThrow('it got an object. Did the simulation hold?');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
