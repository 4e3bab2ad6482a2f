// Servers of one file that others wrote, where they are installed: nginx with sendfile, and the daemon of rsync.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const folders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'];
const find = (name) => folders.map((folder) => join(folder, name)).find(existsSync);
/** Clock ticks a second, as the kernel counts the CPU time of processes. */
const ticks = 100;

export const nginx = (path, port) =>
  startServer('nginx', (folder) => {
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit; user root;
       events {}
       http {
         access_log off; sendfile on; sendfile_max_chunk 1m; tcp_nopush on; client_body_temp_path ${folder}/body;
         proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi;
         scgi_temp_path ${folder}/scgi;
         server { listen 127.0.0.1:${port}; root ${dirname(path)}; }
       }`,
    );
    return ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
  });

export const rsync = (path, port) =>
  startServer('rsync', (folder) => {
    writeFileSync(
      join(folder, 'rsync.conf'),
      `use chroot = no\nuid = root\ngid = root\n[files]\npath = ${dirname(path)}\nread only = yes\n`,
    );
    return [
      '--daemon',
      '--no-detach',
      '--address=127.0.0.1',
      `--port=${port}`,
      `--config=${join(folder, 'rsync.conf')}`,
    ];
  });

/** The server of Python, which reads and writes. */
export const httpServer = (path, port) =>
  startServer('python3', () => [
    '-m',
    'http.server',
    '--bind',
    '127.0.0.1',
    '--directory',
    dirname(path),
    String(port),
  ]);

/** Waits until a server takes connections. */
export async function listening(port) {
  for (;;) {
    const open = await new Promise((resolve) => {
      const probe = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      setTimeout(() => probe.destroy(), 50);
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Undefined where it is not installed. `cpu()`: µs of the server and its children. */
function startServer(name, configure) {
  const program = find(name);
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-bench-'));
  const child = spawn(program, configure(folder), { stdio: 'ignore' });
  return {
    cpu: () => (cpuTicks(child.pid) * 1e6) / ticks,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// Own time, that of children that have ended, and that of children that run.
function cpuTicks(pid) {
  let sum = 0;
  for (const entry of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(entry) !== pid && Number(fields[1]) !== pid) continue;
      for (const at of [11, 12, 13, 14]) sum += Number(fields[at]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
}
