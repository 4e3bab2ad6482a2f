/*
 * Fake timers of test frameworks. They and virtual time exclude each other: the second one would replace the timers of
 * the first, and neither would advance the other's time.
 */

interface MaybeFake {
  readonly name: string;
  readonly clock?: unknown;
  readonly _isMockFunction?: boolean;
}

/** Names the fake timers that are in use; undefined for none. */
export function foreignTimers(): string | undefined {
  const globals = globalThis as unknown as {
    readonly setTimeout: MaybeFake;
    readonly Date: MaybeFake;
    readonly process?: { readonly nextTick?: MaybeFake };
  };
  // Both take @sinonjs/fake-timers, which marks what it replaces.
  if (typeof globals.setTimeout.clock === 'object' || typeof globals.Date.clock === 'object') {
    return 'The fake timers of the test framework (jest.useFakeTimers(), vi.useFakeTimers())';
  }
  // A spy is a mock function too, but a test does not spy on both.
  if (globals.setTimeout._isMockFunction === true && globals.process?.nextTick?._isMockFunction === true) {
    return 'The legacy fake timers of jest';
  }
  if (globals.setTimeout.name.startsWith('bound #')) return 'The mock timers of node:test (mock.timers.enable())';
  return undefined;
}
