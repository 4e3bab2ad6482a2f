import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { barText, fit, ProgressBar, sizeText, timeText, widthOf } from '../../../lib/cli/output/progress-bar.js';

describe('the progress bar', () => {
  it.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [1_500_000, '1.4 MiB'],
    [2 ** 41, '2.0 TiB'],
    [2 ** 52, '4096.0 TiB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });

  it.each([
    [0.2, '00:01'],
    [61, '01:01'],
    [3_600, '1:00:00'],
    [1e9, '99:59:59'],
  ])('writes %d s as %s', (seconds, text) => {
    expect(timeText(seconds)).toBe(text);
  });

  it('is drawn only on a terminal', () => {
    const draw = (terminal: boolean): string => {
      const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
      const bar = new ProgressBar('name', terminal, stream as unknown as NodeJS.WriteStream);
      bar.update({ files: 1, bytes: 512, total: 2_048, rate: 256, mode: 'kernel' });
      bar.stop();
      return String(stream.read() ?? '');
    };
    expect(draw(false)).toBe('');
    expect(draw(true)).toMatch(/name █+░+ {2}25% 512 B \/ 2\.0 KiB 256 B\/s 00:06 kernel/);
  });

  const progress = { files: 12, bytes: 5 << 20, total: 20 << 20, rate: 1 << 20, mode: 'kernel' };

  it.each([
    [80, 'photos ██████░░░░░░░░░░░░░░░░░░  25% 5.0 MiB / 20.0 MiB 1.0 MiB/s 00:15 kernel'],
    [60, 'photos ███░░░░░░░░░  25% 5.0 MiB / 20.0 MiB 1.0 MiB/s 00:15'],
    [40, 'photos ██░░░░░░░  25% 5.0 MiB 1.0 MiB/s'],
    [20, 'photos █░░░░░░  25%'],
    [8, ' 25%'],
  ])('in %d columns is %j', (columns, text) => {
    expect(barText('photos', progress, columns)).toBe(text);
  });

  it('has no share and no remaining time while files are being counted', () => {
    expect(barText('photos', { ...progress, total: undefined }, 60)).toBe('photos 12 files 5.0 MiB 1.0 MiB/s kernel');
  });

  it('is never wider than the terminal, for any name and figures', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '👩‍👧', '́'), maxLength: 80 });
    const figures = fc.record({
      files: fc.nat(),
      bytes: fc.maxSafeNat(),
      total: fc.option(fc.maxSafeNat(), { nil: undefined }),
      rate: fc.double({ min: 0, max: 1e15, noNaN: true }),
      mode: fc.constantFrom('kernel', undefined),
    });
    fc.assert(
      fc.property(texts, figures, fc.integer({ min: 1, max: 200 }), (name, some, columns) => {
        expect(widthOf(barText(name, some, columns))).toBeLessThan(columns);
      }),
    );
  });

  it.each([
    ['short', 10, 'short'],
    ['a-very-long-name.part-17.bin', 12, 'a-very…7.bin'],
    ['漢字漢字漢字', 6, '漢…字'],
    ['abc', 1, '…'],
    ['abc', 0, ''],
  ])('truncates the name %j to %d columns: %j', (name, columns, text) => {
    expect(fit(name, columns)).toBe(text);
  });
});
