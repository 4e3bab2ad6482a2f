// The server process of an adapter.
const stats = { produced: 0, active: 0, cancelled: 0 };
let server;

export async function start(adapter, options) {
  const { startServer } = await import(adapter);
  server = await startServer({ host: '127.0.0.1', ...options, stats });
  return server.extraPids ?? [];
}

/** Items produced, producers at work, producers that were stopped early. */
export const counts = () => stats;

export const stop = () => server?.close();
