/** The test of a framework, within which the kit was called. */
export interface FrameworkTest {
  readonly name: string;
  /** True once the framework has given it up, or ended it. */
  over(): boolean;
}

interface JestTest {
  readonly status?: string | null;
  readonly errors?: readonly unknown[];
}

/** What jest says about the test that runs, since version 30. */
interface JestState {
  readonly currentTestName?: string;
  readonly currentTestIdentity?: () => JestTest | undefined;
}

/**
 * The test that runs now; undefined where the framework says nothing. Only jest does: it leaves its state where a
 * second copy of its `expect` finds it. Other frameworks give the test a `signal`.
 */
export function frameworkTest(): FrameworkTest | undefined {
  const shared = globalThis as unknown as Readonly<Record<symbol, { readonly state?: JestState } | undefined>>;
  const state = shared[Symbol.for('$$jest-matchers-object')]?.state;
  const test = state?.currentTestIdentity?.();
  if (test === undefined) return undefined;
  return {
    name: state?.currentTestName ?? 'a test without a name', // A timeout is among its errors before the hooks run, and the test is done after these.
    over: () => test.status === 'done' || (test.errors?.length ?? 0) > 0,
  };
}
