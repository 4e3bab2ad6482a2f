// What a release changes, as functions of texts: scripts/release.mjs reads and writes the files.

const semver = /^(\d+)\.(\d+)\.(\d+)(?:-[\w.]+)?$/;

/**
 * The version after `current`: `major`, `minor`, `patch`, or a version that is newer. @throws Error for anything else.
 */
export function nextVersion(current, wanted) {
  const [major, minor, patch] = numbersOf(current);
  if (wanted === 'major') return `${major + 1}.0.0`;
  if (wanted === 'minor') return `${major}.${minor + 1}.0`;
  if (wanted === 'patch') return `${major}.${minor}.${patch + 1}`;
  if (!semver.test(wanted)) throw new Error(`"${wanted}" is no version: write major, minor, patch, or 1.2.3.`);
  if (compare(numbersOf(wanted), [major, minor, patch]) <= 0) {
    throw new Error(`${wanted} is not newer than ${current}.`);
  }
  return wanted;
}

function numbersOf(version) {
  const found = semver.exec(version);
  if (found === null) throw new Error(`"${version}" is no version.`);
  return found.slice(1, 4).map(Number);
}

function compare(left, right) {
  const index = left.findIndex((part, at) => part !== right[at]);
  return index < 0 ? 0 : left[index] - right[index];
}

/**
 * The changelog with the unreleased entries under the version, and a new empty heading. @throws Error where there are
 * none.
 */
export function releasedChangelog(text, version, date) {
  const [whole, entries] = /## \[Unreleased\]\n([^]*?)(?=\n## \[|$(?![^]))/.exec(text) ?? [];
  if (whole === undefined) throw new Error('CHANGELOG.md has no heading [Unreleased].');
  if (!/^- /m.test(entries)) throw new Error('CHANGELOG.md has nothing under [Unreleased].');
  return text.replace(whole, () => `## [Unreleased]\n\n## [${version}] - ${date}\n${entries}`);
}

/** The entries of a version, for the page of the release. */
export function notesOf(changelog, version) {
  const start = changelog.indexOf(`## [${version}]`);
  if (start < 0) throw new Error(`CHANGELOG.md has no heading [${version}].`);
  const body = changelog.slice(changelog.indexOf('\n', start));
  const end = body.search(/\n## \[/);
  return (end < 0 ? body : body.slice(0, end)).trim();
}

/**
 * The manifest with this version. With `repository`, the URL of a repository, its links lead there: this is the one
 * place.
 */
export function releasedManifest(manifest, version, repository) {
  const base = (repository ?? manifest.repository.url)
    .replace(/^git\+/, '')
    .replace(/\.git$/, '')
    .replace(/\/$/, '');
  return {
    ...manifest,
    version,
    homepage: `${base}#readme`,
    bugs: `${base}/issues`,
    repository: { type: 'git', url: `git+${base}.git` },
  };
}

/** Why the manifest must not be published; empty: nothing is in the way. */
export function obstaclesOf({ homepage, bugs, repository }) {
  return [homepage, bugs, repository.url]
    .filter((url) => url.includes('.invalid/'))
    .map((url) => `${url} is a placeholder: npm run release -- VERSION --repository https://example.org/owner/rxgrid`);
}
