/** A function of the C library. */
export interface ForeignFunction {
  (...args: readonly unknown[]): number;
  /** The same in the thread pool; the last argument is called with the error and the result. */
  async?(...args: readonly unknown[]): void;
}

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
