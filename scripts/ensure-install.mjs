// Runs before `npm test` and `npm start`, when node_modules may be absent: only Node's own modules here.
import { spawnSync } from 'node:child_process';
import { lstatSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// npm writes this file at the end of an install.
const installed = statSync(`${root}node_modules/.package-lock.json`, { throwIfNoEntry: false });
const locked = statSync(`${root}package-lock.json`);

// npm ci would empty the folder that a link leads to, which is somebody else's.
const isLink = lstatSync(`${root}node_modules`, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

if (isLink) {
  console.log('rxgrid: node_modules is a link: it is used as it is.');
} else if (!installed || installed.mtimeMs < locked.mtimeMs) {
  const reason = installed ? 'package-lock.json is newer than node_modules' : 'node_modules is absent';
  console.log(`rxgrid: ${reason}: running npm ci ...`);
  // NODE_ENV=production would leave out the tools.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] };
  const run = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync(`npm ${args.join(' ')}`, { ...options, shell: true });
  if (run.status !== 0) {
    // Else a half-done install could pass for a complete one.
    rmSync(`${root}node_modules/.package-lock.json`, { force: true });
    console.error('rxgrid: npm ci failed. It needs a network, or a filled npm cache.');
    process.exit(1);
  }
}
