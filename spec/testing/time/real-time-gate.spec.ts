import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RealTimeGate } from '../../../lib/testing/time/real-time-gate.js';

const read = 'FSReqCallback';
const timer = 'Timeout';
const never = (): boolean => false;

/** What the platform says is pending: one list for each time that it is asked, the last one from then on. */
let pending: string[][];
let asked: number;

beforeEach(() => {
  asked = 0;
  jest.spyOn(process, 'getActiveResourcesInfo').mockImplementation(() => {
    const now = pending[Math.min(asked, pending.length - 1)]!;
    asked++;
    return now;
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('RealTimeGate', () => {
  it('waits for requests that began after it', async () => {
    pending = [[], [read, read], [read], []];
    const gate = new RealTimeGate();
    await expect(gate.passRequests(never)).resolves.toBe(true);
    await expect(gate.passRequests(never)).resolves.toBe(false);
  });

  it('does not wait for a real timer of the runner', async () => {
    pending = [[timer]];
    const gate = new RealTimeGate();
    await gate.passForeign();
    await expect(gate.passRequests(never)).resolves.toBe(false);
  });

  it('does not wait for requests that were pending before', async () => {
    pending = [[read], [read], [], [], [read], []];
    const gate = new RealTimeGate();
    await gate.passForeign();
    await expect(gate.passRequests(never)).resolves.toBe(true);
  });

  it('does not mistake a timer of the runner for a request', async () => {
    pending = [[timer], [timer], [timer], [read], [read], []];
    const gate = new RealTimeGate();
    await gate.passForeign();
    await expect(gate.passRequests(never)).resolves.toBe(true);
  });

  it('ignores a request that does not end before a test begins, such as a terminal read', async () => {
    pending = [[read]];
    const gate = new RealTimeGate();
    await gate.passForeign();
    await expect(gate.passRequests(never)).resolves.toBe(false);
  });
});
