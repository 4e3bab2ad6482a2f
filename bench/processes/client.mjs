// The client process of an adapter: it runs the workloads.
import * as workloads from '../workloads/index.mjs';

let client;

export async function start(adapter, options) {
  const { connect, caps } = await import(adapter);
  client = await connect({ host: '127.0.0.1', ...options });
  return caps ?? {};
}

export const run = (workload, args) => workloads[workload](client, args);

export const stop = () => client?.close();
