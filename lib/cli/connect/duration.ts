import { InvalidArgumentError, Option } from 'commander';

/** Milliseconds of each unit that a duration may have. */
const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** The longest duration of an option, in ms. */
const longest = units.h;

/** What a duration of an option may be. */
export interface DurationRule {
  /** The unit of a plain number. Default `s`. */
  readonly unit?: keyof typeof units;
  /** True: it may be 0. */
  readonly zero?: boolean;
}

/** An option whose value is a duration, in ms. `standard`: its default, written as a user would. */
export function durationOption(flags: string, description: string, standard?: string, rule: DurationRule = {}): Option {
  const read = duration(rule);
  const option = new Option(flags, description).argParser(read);
  return standard === undefined ? option : option.default(read(standard), standard);
}

/**
 * Reads a duration such as `250ms`, `1.5s`, `2m` or `1h`. The result is a whole number of ms. @throws
 * InvalidArgumentError
 */
export function duration({ unit = 's', zero = false }: DurationRule = {}): (text: string) => number {
  return (text) => {
    const [, number, suffix] = /^(\d+(?:\.\d+)?|\.\d+)(ms|[smh])?$/.exec(text.trim()) ?? [];
    const exact = Number(number) * units[(suffix ?? unit) as keyof typeof units];
    // Limits are whole numbers of ms, and 1.005 s are not quite 1005 ms in floating point.
    const ms = Math.round(exact);
    if (exact <= longest && (ms > 0 || (zero && exact === 0))) return ms;
    const least = zero ? '' : '1ms at least, ';
    throw new InvalidArgumentError(
      `Give a duration such as 500ms, 10s or 2m: ${least}1h at most. A plain number has the unit ${unit}.`,
    );
  };
}
