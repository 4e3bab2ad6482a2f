import { describe, expect, it } from '@jest/globals';
import { nextVersion, notesOf, obstaclesOf, releasedChangelog, releasedManifest } from '../../scripts/release/plan.mjs';

describe('the next version', () => {
  it.each([
    ['0.1.9', 'patch', '0.1.10'],
    ['0.1.9', 'minor', '0.2.0'],
    ['0.1.9', 'major', '1.0.0'],
    ['0.1.9', '0.1.10', '0.1.10'],
    ['0.9.0', '0.10.0-beta.1', '0.10.0-beta.1'],
  ])('after %s, %s, is %s', (current, wanted, next) => {
    expect(nextVersion(current, wanted)).toBe(next);
  });

  it.each(['0.1.9', '0.1.8', 'big', 'v1.0.0', ''])('after 0.1.9 is not "%s"', (wanted) => {
    expect(() => {
      nextVersion('0.1.9', wanted);
    }).toThrow(/is no version|is not newer/);
  });
});

describe('the changelog', () => {
  const text = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One.\n\n## [0.1.0] - 2026-01-01\n\n- Zero.\n';

  it('gets a heading for the version, and keeps an empty one for later changes', () => {
    const released = releasedChangelog(text, '0.2.0', '2026-02-03');
    expect(released).toContain('## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n\n### Added\n\n- One.\n\n## [0.1.0]');
    expect(notesOf(released, '0.2.0')).toBe('### Added\n\n- One.');
    expect(notesOf(released, '0.1.0')).toBe('- Zero.');
    expect(() => {
      releasedChangelog(released, '0.3.0', '2026-03-04');
    }).toThrow('nothing under [Unreleased]');
  });

  it('may have no version yet', () => {
    const first = releasedChangelog('# Changelog\n\n## [Unreleased]\n\n- One.\n', '0.1.0', '2026-02-03');
    expect(notesOf(first, '0.1.0')).toBe('- One.');
  });
});

it('the links of the manifest have a single base, and a placeholder prevents the release', () => {
  const manifest = {
    version: '0.1.0',
    homepage: 'https://rxgrid.invalid/rxgrid#readme',
    bugs: 'https://rxgrid.invalid/rxgrid/issues',
    repository: { type: 'git', url: 'git+https://rxgrid.invalid/rxgrid.git' },
  };
  expect(obstaclesOf(releasedManifest(manifest, '0.2.0'))).toHaveLength(3);
  const released = releasedManifest(manifest, '0.2.0', 'https://example.org/a/rxgrid/');
  expect(obstaclesOf(released)).toStrictEqual([]);
  expect(released).toStrictEqual({
    version: '0.2.0',
    homepage: 'https://example.org/a/rxgrid#readme',
    bugs: 'https://example.org/a/rxgrid/issues',
    repository: { type: 'git', url: 'git+https://example.org/a/rxgrid.git' },
  });
});
