// Runs the example cluster on the built package.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import './ensure-build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const example = spawn(process.execPath, ['examples/storage-cluster/main.mjs', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
// The example ends itself on a signal; dying first would leave it without a terminal.
process.on('SIGTERM', () => example.kill('SIGTERM'));
process.on('SIGINT', () => {
  // A terminal has sent it to both.
  if (!process.stdin.isTTY) example.kill('SIGINT');
});
example.on('exit', (code) => process.exit(code ?? 1));
