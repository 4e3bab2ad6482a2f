import type { AddCommands } from '../commands.js';
import { cpOptions, describeCp, type CpOptions } from '../copy/cp-options.js';
import { exitCodes, Failure } from '../exit/failure.js';

/** Adds `rxgrid cp`. */
export const addCp: AddCommands = (program, run) => {
  describeCp(program.command('cp')).action((paths: string[], options: Partial<CpOptions>) => {
    const target = paths.pop();
    if (target === undefined || paths.length === 0) {
      throw new Failure('a source and a target are needed: rxgrid cp <source...> <target>.', exitCodes.usage);
    }
    return run(async (signal) => (await import('../copy/cp.js')).cp(paths, target, cpOptions(options), signal));
  });
};
