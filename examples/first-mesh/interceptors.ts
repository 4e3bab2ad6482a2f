// interceptors.ts: functions around each call
import type { CallInterceptor, ManagerOptions } from 'rxgrid';
import { log, timeout, type CallRecord } from 'rxgrid/interceptors';
import { Manager } from 'rxgrid/node';

/** Adds metadata, which the handler finds in `call.meta`. */
const addTenant: CallInterceptor = (call, next) => next({ ...call, meta: { ...call.meta, tenant: 'a' } });

export function createManager(options: ManagerOptions, write: (record: CallRecord) => void): Manager {
  return new Manager({
    ...options,
    intercept: {
      calls: [timeout(5_000), addTenant], // around the calls that this host makes, the first one outermost
      handlers: [log(write)], // around the handlers that run here
    },
  });
}
