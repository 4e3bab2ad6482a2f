import type { Foreign, LoadForeign } from './foreign.js';

/** Loads koffi, which is an optional dependency. Rejects where it is not installed. */
export const loadKoffi: LoadForeign = async () => {
  const module = (await import('koffi')) as { readonly default?: unknown };
  return (module.default ?? module) as Foreign;
};
