/** A function of the C library, as koffi makes it callable. */
export interface ForeignFunction {
  (...args: readonly unknown[]): number;
  /** The same on the thread pool; the last argument is called with the error and the result. */
  async?(...args: readonly unknown[]): void;
}

/** The used part of koffi, the foreign function interface with which functions of the C library are called. */
export interface Foreign {
  /** `null`: the libraries that the process has loaded already. */
  load(path: string | null): { func(prototype: string): ForeignFunction };
  struct(name: string, fields: Readonly<Record<string, string>>): unknown;
  /** The error number of the last call. */
  errno(): number;
  readonly os: { readonly errno: Readonly<Record<string, number>> };
}

/** Loads {@link Foreign}. */
export type LoadForeign = () => Promise<Foreign>;
