// Prepares a release: version, changelog and links; all checks; a commit and a tag. The workflow of the forge publishes
// what is tagged.
//
//   npm run release -- minor --dry-run                      says what would be done, packs, and changes nothing
//   npm run release -- 1.0.0 --repository https://example.org/owner/rxgrid
//   npm run release -- notes 1.0.0                          prints the entries of the changelog
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nextVersion, notesOf, obstaclesOf, releasedChangelog, releasedManifest } from './release/plan.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean' }, repository: { type: 'string' } },
  allowPositionals: true,
});
const dryRun = values['dry-run'] === true;
const read = (name) => readFileSync(join(root, name), 'utf8');
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

try {
  if (positionals[0] === 'notes') console.log(notesOf(read('CHANGELOG.md'), positionals[1]));
  else release(positionals[0] ?? 'patch');
} catch (error) {
  console.error(`rxgrid: ${error.message}`);
  process.exitCode = 1;
}

function release(wanted) {
  const manifest = JSON.parse(read('package.json'));
  const version = nextVersion(manifest.version, wanted);
  const next = releasedManifest(manifest, version, values.repository);
  const changelog = releasedChangelog(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10));
  const lock = JSON.parse(read('package-lock.json'));
  lock.version = version;
  lock.packages[''].version = version;

  const obstacles = obstaclesOf(next);
  const changed = git('status', '--porcelain');
  if (changed !== '') obstacles.push(`There are changes that are not committed:\n${changed}`);
  if (git('tag', '--list', `v${version}`) !== '') obstacles.push(`There is a tag v${version} already.`);
  for (const obstacle of obstacles) console.error(`${dryRun ? 'would refuse' : 'refused'}: ${obstacle}`);
  if (obstacles.length > 0 && !dryRun) throw new Error('Nothing was changed.');

  console.log(`${manifest.version} -> ${version}: package.json, package-lock.json, lib/version.ts, CHANGELOG.md`);
  console.log(`links: ${next.homepage}`);
  if (dryRun) {
    pack();
    console.log(`would run .ci/run, commit "Release ${version}", and tag v${version}`);
    return;
  }
  for (const [name, json] of [
    ['package.json', next],
    ['package-lock.json', lock],
  ]) {
    writeFileSync(join(root, name), `${JSON.stringify(json, null, 2)}\n`);
  }
  writeFileSync(join(root, 'CHANGELOG.md'), changelog);
  const source = read('lib/version.ts');
  writeFileSync(
    join(root, 'lib/version.ts'),
    source.replace(`'${manifest.version}'`, () => `'${version}'`),
  );
  if (spawnSync(join(root, '.ci/run'), { cwd: root, stdio: 'inherit' }).status !== 0) {
    throw new Error('The checks failed: git checkout . takes the changes back.');
  }
  git('commit', '--all', '--message', `Release ${version}`);
  git('tag', '--annotate', `v${version}`, '--message', `Release ${version}`);
  console.log(`Tagged v${version}: git push --follow-tags, and the workflow publishes it.`);
}

/** Packs what would be published, and says how large it is. */
function pack() {
  const folder = mkdtempSync(join(tmpdir(), 'rxgrid-release-'));
  try {
    const run = spawnSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, stdio: 'inherit' });
    if (run.status !== 0) throw new Error('npm pack failed.');
    const [name] = readdirSync(folder);
    console.log(`${name}: ${statSync(join(folder, name)).size} bytes`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
