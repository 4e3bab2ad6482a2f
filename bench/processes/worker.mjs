import { execFileSync, fork } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('entry.mjs', import.meta.url));
const startMs = 30_000;
const callMs = 120_000;

/** A process that runs one module of the bench; the orchestrator calls what the module exports, and idles meanwhile. */
export class Worker {
  #child;
  #calls = new Map();
  #nextId = 1;
  #stopping = false;

  /**
   * `module`: URL of what the process runs. `notify` hears what it sends unasked. `execPath`: what runs Node, which
   * then is among the arguments `before`. Flags of Node that this process has are passed on:
   * `node --single-threaded-gc bench/run.mjs`.
   */
  static async start(module, { notify, execArgv = [], execPath = process.execPath, before = [] } = {}) {
    const worker = new Worker();
    // Standard output is for the tables: what libraries print goes to standard error.
    const child = fork(entry, [String(module)], {
      execPath,
      execArgv: [...before, ...process.execArgv, '--expose-gc', ...execArgv],
      stdio: ['ignore', 2, 'inherit', 'ipc'],
    });
    worker.#child = child;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${module} did not start in ${startMs} ms.`)), startMs);
      child.once('exit', (code) => reject(new Error(`${module} ended with ${code} before it was ready.`)));
      child.once('message', () => {
        clearTimeout(timer);
        child.removeAllListeners('exit');
        resolve();
      });
    });
    child.on('message', (message) => {
      const call = worker.#calls.get(message.id);
      if (call === undefined) notify?.(message);
      else call(message);
    });
    child.once('exit', (code, signal) => {
      const error = `The process of ${module} ended with ${code ?? signal}.`;
      for (const call of worker.#calls.values()) call({ error });
      if (!worker.#stopping) console.error(error);
    });
    return worker;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Calls an exported function of the module. The arguments and the result are cloned. */
  call(name, ...args) {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const end = ({ error, result }) => {
        clearTimeout(timer);
        this.#calls.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      };
      const timer = setTimeout(() => end({ error: `${name} gave no answer in ${callMs} ms.` }), callMs);
      this.#calls.set(id, end);
      if (this.#child.connected) this.#child.send({ id, name, args });
      else end({ error: `The process for ${name} is gone.` });
    });
  }

  /** Confines all threads of the process to these CPUs ("0", "0-1"). */
  pin(cpus) {
    execFileSync('taskset', ['-apc', cpus, String(this.pid)], { stdio: 'ignore' });
  }

  /** Ends the process at once, as a crash does. */
  async kill() {
    this.#stopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  async stop() {
    this.#stopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
    await ended;
    clearTimeout(timer);
  }
}

/** True where {@link Worker.pin} works. */
export function canPin() {
  try {
    execFileSync('taskset', ['-pc', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The CPUs that this process may use, as taskset writes them. */
export function allowedCpus() {
  return execFileSync('taskset', ['-pc', String(process.pid)], { encoding: 'utf8' })
    .trim()
    .split(': ')
    .at(-1);
}

const isFree = (port) =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

/**
 * A port of 127.0.0.1 that is free, and so is the one 5 000 above, which an adapter may need for its other end. Below
 * the range that systems give to outgoing connections, so that none of these takes it meanwhile.
 */
export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 5_000))) return port;
  }
}
