import { describe, expect, it } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { ProgressBar, sizeText, timeText } from '../../lib/cli/progress-bar.js';

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

  it('is drawn on a terminal alone', () => {
    const draw = (terminal: boolean): string => {
      const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 200 });
      const bar = new ProgressBar('name', terminal, stream as unknown as NodeJS.WriteStream);
      bar.update({ bytes: 512, total: 2_048, rate: 256, mode: 'kernel' });
      bar.stop();
      return String(stream.read() ?? '');
    };
    expect(draw(false)).toBe('');
    expect(draw(true)).toMatch(/name .* 25% 512 B 256 B\/s 00:06 kernel/);
  });
});
