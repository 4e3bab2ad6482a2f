// What runs in each process of the bench but the orchestrator: it imports the module named on the command line, and
// calls the functions that it exports as the orchestrator asks, and `stop`, where it exports that, at the end. See
// worker.mjs for the other end.
const module = await import(process.argv[2]);

const held = [];

/** What every process can do, and tell of itself. CPU in µs since the start, memory in bytes. */
const own = {
  /** Holds so much memory in small objects, as an application does. */
  hold(mebibytes) {
    const until = process.memoryUsage().heapUsed + (mebibytes << 20);
    while (process.memoryUsage().heapUsed < until) {
      held.push(Array.from({ length: 1_000 }, (_, index) => ({ index, text: `${held.length}-${index}` })));
    }
  },
  usage() {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    return { cpu: user + system, rss, heapUsed, external, arrayBuffers };
  },
  /** Collects garbage until nothing more is freed, and tells what is left. */
  async settled() {
    for (let round = 0; round < 4; round++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return own.usage();
  },
};

process.on('message', async ({ id, name, args }) => {
  try {
    process.send({ id, result: await (module[name] ?? own[name])(...args) });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => {
  // What it started, such as a broker, must not outlive it.
  module.stop?.();
  setTimeout(() => process.exit(0), 50);
});
process.send({ ready: true });
