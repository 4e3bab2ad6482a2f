/** A function of the C library. */
export type ForeignFunction = (...args: readonly unknown[]) => number;

/** The part of koffi that is used. */
export interface Foreign {
  /** `null`: what the process itself has loaded. */
  load(path: string | null): { func(prototype: string): ForeignFunction };
  struct(name: string, fields: Readonly<Record<string, string>>): unknown;
  /** Number of the last error of a call. */
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

/** Loads {@link Foreign}. */
export type LoadForeign = () => Promise<Foreign>;
