// A small file store on three hosts, each a process with its own port and folder, and a client that stores a folder in
// it, kills a host in the middle, and reads everything back. `npm start -- --help` shows the options.
//
//   routes.mjs   the contracts          host.mjs, store.mjs   a host and its folder
//   client.mjs   the client's view      cluster.mjs           starts, kills and ends the host processes
//   job.mjs      what the client does   screen.mjs            what a person sees
//   summary.mjs  the last line, and what makes the run a failure
//   keep.mjs     --keep: hosts that stay up, for the dashboard   observed.mjs   what they serve for it
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { RemoteHost } from './client.mjs';
import { Cluster } from './cluster.mjs';
import { walk } from './files.mjs';
import { Job } from './job.mjs';
import { count, mebibytes, Screen } from './screen.mjs';
import { corrupt } from './store.mjs';
import { problemsOf, summaryOf } from './summary.mjs';

const help = `Stores a folder on three hosts, kills one of them in the middle, and reads every file back.

  --dir PATH      what to store; default: node_modules of this project
  --seconds N     stores nothing after so many seconds, and says how many files that left out; default 30
  --timeout MS    of one call; default 15000
  --keep          keeps the hosts up and busy until Ctrl+C, and prints the address of their dashboard
  --fault NAME    for tests: corrupt (changes a byte on a host's disk), withhold (a host leaves a call unanswered)`;
/** The whole run, in ms: it ends by itself within 60 s. */
const allMs = 57_000;

const { values: options } = parseArgs({
  options: {
    dir: { type: 'string', default: fileURLToPath(new URL('../../node_modules', import.meta.url)) },
    seconds: { type: 'string', default: '30' },
    timeout: { type: 'string', default: '15000' },
    fault: { type: 'string', default: 'none' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(help);
  process.exit();
}

if (options.keep) {
  const { keep } = await import('./keep.mjs');
  await keep({ dir: options.dir, timeout: Number(options.timeout) });
  process.exit();
}

const screen = new Screen();
const say = (text) => screen.say(text);
let fail = () => undefined;
const failed = new Promise((_, reject) => (fail = reject));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => fail(new Error(`stopped by ${signal}`)));
}
process.stdout.on('error', () => fail(new Error('nobody reads the output')));
setTimeout(() => fail(new Error(`not done after ${allMs / 1_000} s`)), allMs).unref();

const timeout = Number(options.timeout);
const cluster = new Cluster({ size: 3, timeout, withholdAt: options.fault === 'withhold' ? 2 : -1, say, fail });
const hosts = [];
const job = new Job({
  dir: options.dir,
  hosts,
  kill: (url) => cluster.kill(url),
  restart: (url) => cluster.startHost(url),
  say,
});

const problems = [];
try {
  await Promise.race([run(), failed]);
} catch (error) {
  problems.push(error instanceof Error ? error.message : String(error));
}
const summary = summaryOf(job, hosts);
problems.push(...problemsOf(job, summary));
for (const problem of problems) say(`FAILED: ${problem}`);
screen.stop();
for (const { connection } of hosts) connection.close();
await cluster.stop();
process.exitCode = problems.length === 0 ? 0 : 1;
console.log(`summary: ${JSON.stringify(summary)}`);
// Only a fault leaves anything that keeps the process.
setTimeout(() => process.exit(), 2_000).unref();

async function run() {
  const { files, links } = await walk(options.dir);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  say(`${options.dir}: ${count(files.length)} files, ${mebibytes(size)}; ${count(links)} symbolic links skipped`);
  if (files.length === 0) throw new Error('there is nothing to store');

  await cluster.start();
  for (const url of cluster.hosts) {
    hosts.push(new RemoteHost({ url, label: cluster.label(url), token: cluster.token, timeout, say }));
  }
  screen.hosts = hosts;
  await Promise.all(hosts.map((host) => host.complete(0)));
  say('three hosts are connected with each other and with the client');

  const { counts, stored } = job;
  screen.progress = () => `storing: ${count(stored.size)} of ${count(files.length)} files`;
  await job.store(files, Number(options.seconds) * 1_000 - performance.now());
  const { leftOut, unreadable, failed } = counts;
  say(
    `stored: ${count(stored.size)} files, ${mebibytes(job.bytes)}; no time for ${count(leftOut)}, unreadable ${unreadable}, failed ${failed}`,
  );

  screen.progress = () => 'waiting until every host has every file';
  await job.settle();
  const fetched = hosts.map(({ label, report }) => `${label} ${count(report?.fetched ?? 0)}`);
  say(`fetched from other hosts after an absence: ${fetched.join(', ')}`);
  if (options.fault === 'corrupt') corruptOne();

  screen.progress = () => `reading back: ${count(counts.read)} of ${count(stored.size)} files`;
  await job.readBack();
  say(`${count(counts.read)} files are read back from hosts that did not receive them first`);
  await Promise.all(hosts.map((host) => host.refresh()));
}

/** For the spec: changes a byte where a file will be read from. */
function corruptOne() {
  const [path] = [...job.stored].find(([, { size }]) => size > 0) ?? [''];
  corrupt(cluster.folderOf(job.readerOf(path)?.url ?? ''), path);
}
