import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import { copyIn } from '../../../lib/cli/copy/copy-in.js';
import { copyOut } from '../../../lib/cli/copy/copy-out.js';
import { staticToken } from '../../../lib/endpoint/accept/auth.js';
import { serveFiles } from '../../../lib/node/files/serve/serve-files.js';
import { connect } from '../../../lib/node/server/leaf.js';
import { Manager } from '../../../lib/node/server/manager.js';
import { copyContext } from './copy-context.js';

/*
 * The processes of the ledger of kills, and of scarce descriptors and disks. Which one this is, its first argument
 * says: a host that serves a folder, a leaf that copies when it is told to, or a proxy that kills a process, maybe
 * itself, after so many bytes.
 */

/** What the leaf is told. */
export interface CopyTask {
  readonly url: string;
  readonly direction: 'download' | 'upload';
  readonly source: string;
  readonly target: string;
  readonly zeroMask: boolean;
  readonly kernel: boolean;
}

/** What the proxy is told: the next connection goes to `port`, and after `bytes` the process `pid` is killed. */
export interface KillTask {
  readonly port: number;
  readonly bytes: number;
  readonly pid: number;
}

/** What every process says: where it listens, or how a task ended, and how the sender read the files. */
export type Answer = { readonly port: number } | { readonly error?: string; readonly said?: string };

const say = (answer: Answer): void => {
  process.send!(answer);
};

async function host(port: string, root: string, kernel: boolean): Promise<void> {
  const local = `http://127.0.0.1:${port}`;
  const manager = new Manager({
    local,
    hosts: [],
    auth: staticToken('x'),
    leaves: { authenticate: (token) => token },
    kernelSendfile: kernel,
  });
  serveFiles(manager, { root, writable: true });
  await manager.listen({ address: '127.0.0.1' });
  say({ port: Number(port) });
}

async function copy({ url, direction, source, target, zeroMask, kernel }: CopyTask): Promise<string> {
  const leaf = connect(url, { token: 'x', zeroMask, kernelSendfile: kernel });
  const lines: string[] = [];
  try {
    await leaf.ready();
    const context = copyContext(leaf, { resume: true }, lines);
    context.report.begin();
    context.report.beginSource(true);
    await (direction === 'download' ? copyIn(context, source, target) : copyOut(context, source, target));
    context.report.end(true);
  } finally {
    leaf.close();
  }
  return lines.join('\n');
}

function leaf(): void {
  process.on('message', (task: CopyTask) => {
    copy(task).then(
      (said) => {
        say({ said });
      },
      (error: unknown) => {
        say({ error: String(error) });
      },
    );
  });
  say({ port: 0 });
}

function proxy(): void {
  let task: KillTask | undefined;
  let port = 0;
  let passed = 0;
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (chunk: Buffer) => {
      const left = task === undefined ? Infinity : task.bytes - passed;
      passed += chunk.length;
      if (task === undefined || chunk.length < left) {
        to.write(chunk);
        return;
      }
      const { pid } = task;
      task = undefined;
      to.write(chunk.subarray(0, left));
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // The copy was whole before its byte, so the spec has killed the process itself, and this byte is of the close.
      }
      to.write(chunk.subarray(left));
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      to.destroy();
    });
  };
  const server = createServer((near) => {
    // A leaf that has lost its host dials again, also when the kill is over.
    const far = connectTcp(port, '127.0.0.1');
    pass(near, far);
    pass(far, near);
  });
  process.on('message', (next: KillTask) => {
    [task, port, passed] = [next, next.port, 0];
    say({});
  });
  server.listen(0, '127.0.0.1', () => {
    say({ port: (server.address() as AddressInfo).port });
  });
}

const [, , role, port, root, kernel] = process.argv;
if (role === 'host') void host(port!, root!, kernel === 'kernel');
else if (role === 'leaf') leaf();
else proxy();
process.on('disconnect', () => process.exit());
