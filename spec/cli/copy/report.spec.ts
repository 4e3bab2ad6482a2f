import { beforeEach, describe, expect, it } from '@jest/globals';
import { ProgressBar, type Progress } from '../../../lib/cli/output/progress-bar.js';
import { Report, type ReportOptions } from '../../../lib/cli/copy/report.js';
import { FileAccessError } from '../../../lib/files/file-error.js';

let now: number;
let lines: string[];
let results: string[];
let json: unknown[];
let drawn: Progress[];

beforeEach(() => {
  now = 0;
  [lines, results, json, drawn] = [[], [], [], []];
});

function reportOf(options: Partial<ReportOptions> = {}): Report {
  const bar = new ProgressBar('x', false);
  bar.update = (progress) => drawn.push(progress);
  return new Report({
    bar,
    write: (line) => lines.push(line),
    result: (line) => results.push(line),
    quiet: false,
    verbose: false,
    resumable: false,
    now: () => now,
    ...options,
  });
}

const inJson = (): Report => reportOf({ json: (line) => json.push(JSON.parse(line)) });
const step = { files: 1, bytes: 100, rate: 50, mode: 'kernel' };

describe('lines of --json', () => {
  it('progress has files and bytes at the target, the total once it is known, and the rate', () => {
    const report = inJson();
    report.begin();
    report.beginSource(true);
    report.found(300);
    report.present(20, false);
    report.step(step);
    now = 500;
    report.foundAll();
    expect(json).toStrictEqual([
      { type: 'progress', files: 1, bytes: 120, rate: 50 },
      { type: 'progress', files: 1, bytes: 120, total: 300, rate: 50 },
    ]);
  });

  it('progress is printed every 500 ms at most', () => {
    const report = inJson();
    for (now = 0; now < 1_001; now++) report.step(step);
    expect(json).toHaveLength(3);
  });

  it('skipped has the path and the kind of the entry', () => {
    inJson().skipped('a/l', 'a symbolic link');
    expect(json).toStrictEqual([{ type: 'skipped', path: 'a/l', what: 'a symbolic link' }]);
  });

  it('failure has the message, and for a file its path and code', () => {
    const report = inJson();
    report.failed(new FileAccessError('no', 'a/b'));
    report.failed(new Error('else'));
    expect(json).toStrictEqual([
      { type: 'failure', message: 'no', path: 'a/b', code: 'file-access' },
      { type: 'failure', message: 'else' },
    ]);
  });

  it('removed, would-copy and would-remove have the path, and nothing else is printed', () => {
    const report = inJson();
    report.removed('a');
    report.would('b', 5);
    report.wouldRemove('c');
    expect(json).toStrictEqual([
      { type: 'removed', path: 'a' },
      { type: 'would-copy', path: 'b' },
      { type: 'would-remove', path: 'c' },
    ]);
    expect(results).toStrictEqual([]);
  });

  it.each([
    [true, 'done'],
    [false, 'failed'],
  ])('the last one has all figures, where the copy is complete: %s', (done, type) => {
    const report = inJson();
    report.begin();
    report.beginSource(true);
    report.present(7, true);
    report.step(step);
    report.skipped('l', 'a link');
    report.removed('r');
    report.failed(new Error('x'));
    now = 2_500;
    json = [];
    report.end(done);
    expect(json).toStrictEqual([
      {
        type,
        files: 1,
        bytes: 100,
        seconds: 2.5,
        modes: ['kernel'],
        there: 1,
        skipped: 1,
        removed: 1,
        failures: 1,
      },
    ]);
  });

  it('failed has the error that ended the copy, and a dry run the planned removals', () => {
    inJson().end(false, new FileAccessError('Denied.', 'a'));
    const dry = inJson();
    dry.wouldRemove('r');
    dry.end(true);
    expect(json).toMatchObject([
      { type: 'failed', message: 'Denied.', path: 'a', code: 'file-access', failures: 0 },
      { type: 'would-remove', path: 'r' },
      { type: 'done', removed: 0, toRemove: 1 },
    ]);
  });

  it('contain no control characters and no direction marks', () => {
    const raw: string[] = [];
    reportOf({ json: (line) => raw.push(line) }).skipped('\u001b[2J\u007f\u009b\u202eé', 'odd');
    expect(raw).toStrictEqual(['{"type":"skipped","path":"\\u001b[2J\\u007f\\u009b\\u202e\\u00e9","what":"odd"}']);
  });
});

describe('the summary', () => {
  it('shows the amount copied, the time and the mode, and other counts that are not zero', () => {
    const report = reportOf();
    report.begin();
    report.beginSource(true);
    report.present(1, true);
    report.step({ ...step, files: 30 });
    report.skipped('l', 'a link');
    report.removed('r');
    now = 61_000;
    report.end(true);
    expect(lines.at(-1)).toBe('30 files, 100 B, 1 min 01 s, kernel, 1 file present already, 1 left out, 1 removed');
  });

  it('counts the bytes of all sources and attempts, and other figures of the last attempt only', () => {
    const report = reportOf();
    report.begin();
    report.beginSource(false);
    report.step(step);
    report.failed(new Error('lost'));
    report.begin();
    report.beginSource(false);
    report.step(step);
    report.beginSource(true);
    report.step(step);
    expect(drawn.at(-1)).toMatchObject({ files: 2, bytes: 200 });
    report.end(true);
    expect(lines.at(-1)).toBe('3 files, 300 B, 0.0 s, kernel');
    expect(report.failures).toBe(0);
  });

  it('of a failed copy shows what was copied before', () => {
    const report = reportOf();
    report.step({ ...step, files: 157 });
    report.notRemoved(new FileAccessError('Denied.', 'a'));
    report.end(false);
    expect(lines.at(-1)).toBe('157 files, 100 B, 0.0 s, kernel, not finished, 1 not removed');
    expect([report.failures, report.notCopied]).toStrictEqual([1, 0]);
  });

  it('is omitted where the copy failed before any transfer, with --quiet, and with --json', () => {
    reportOf().end(false);
    reportOf({ quiet: true }).end(true);
    inJson().end(true);
    expect(lines).toStrictEqual([]);
  });

  it('has at most three modes: the other side names them', () => {
    const report = reportOf();
    for (const mode of ['a', 'b', 'c', 'd']) report.step({ ...step, mode });
    report.end(true);
    expect(lines.at(-1)).toMatch(/a and b and c$/);
  });
});

describe('a skipped entry', () => {
  const skipMany = (report: Report): void => {
    for (let index = 0; index < 30; index++) report.skipped(String(index), 'a link');
  };

  it('is named up to ten times, and then counted', () => {
    skipMany(reportOf());
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toMatch(/-v names all of them/);
  });

  it('is always named with -v, and never with -q', () => {
    skipMany(reportOf({ verbose: true }));
    expect(lines).toHaveLength(30);
    lines = [];
    skipMany(reportOf({ quiet: true }));
    expect(lines).toStrictEqual([]);
  });
});

it('a reason is printed once, with -v', () => {
  const report = reportOf({ verbose: true });
  for (let count = 0; count < 3; count++) report.because('pooled', 'koffi is not installed.');
  reportOf().because('pooled', undefined);
  expect(lines).toStrictEqual(['rxgrid: mode pooled: koffi is not installed.']);
});
