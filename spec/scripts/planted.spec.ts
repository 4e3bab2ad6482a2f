import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Script } from 'node:vm';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { checkFault } from '../../scripts/planted/check-fault.mjs';
import { faults } from '../../scripts/planted/faults.mjs';
import { plant } from '../../scripts/planted/plant.mjs';
import { Tally } from '../../scripts/planted/tally.mjs';

const project = resolve(__dirname, '../..');

describe('the planted faults', () => {
  it('are many, with unique names', () => {
    expect(faults.length).toBeGreaterThanOrEqual(80);
    expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
  });

  it.each(faults)('$name: can be planted, and has specs', (fault) => {
    const text = readFileSync(resolve(project, fault.file), 'utf8');
    const planted = plant(text, fault);
    expect(planted).not.toBe(text);
    // Otherwise everything would find it. The compiler transpiles private names that the class does not have; V8
    // refuses them.
    const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
    const { diagnostics, outputText } = transpileModule(planted, { compilerOptions, reportDiagnostics: true });
    expect(diagnostics).toStrictEqual([]);
    expect(() => new Script(outputText)).not.toThrow();
    for (const specs of fault.specs) {
      const names = readdirSync(resolve(project, dirname(specs)));
      expect(names.filter((name) => name.startsWith(basename(specs)))).not.toStrictEqual([]);
    }
  });

  it('refuses a place that is missing or ambiguous', () => {
    const fault = { name: 'x', file: 'lib/x.ts', find: 'a', replace: '$&b', specs: [] };
    expect(plant('cad', fault)).toBe('c$&bd');
    expect(() => plant('aa', fault)).toThrow('stands 2 times in lib/x.ts');
    expect(() => plant('b', fault)).toThrow('stands 0 times');
  });
});

describe('a check of a planted fault', () => {
  const fault = { name: 'x', file: 'lib/x.ts', find: 'a', replace: 'b', specs: ['spec/x'] };
  const unplanted = { ...fault, find: 'z' };

  function checksThat({ builds }: { readonly builds: boolean }) {
    const removed: string[] = [];
    return {
      removed,
      sourceOf: () => 'cad',
      build: ({ text }: { readonly text: string }) =>
        builds
          ? Promise.resolve({ file: text, remove: () => void removed.push(text) })
          : Promise.reject(new Error('Private name "#y" is not declared')),
      simulate: (bundle: string) => Promise.resolve(`seed 1 of ${bundle}`),
      specify: ({ text }: { readonly text: string }, specs: readonly string[]) =>
        Promise.resolve(text === 'cbd' ? specs.join() : undefined),
    };
  }

  it('says what the simulation and the specs find, and removes the bundle', async () => {
    const checks = checksThat({ builds: true });
    expect(await checkFault(fault, checks)).toStrictEqual({ simulation: 'seed 1 of cbd', specs: 'spec/x' });
    expect(checks.removed).toStrictEqual(['cbd']);
  });

  it('leaves out what it is not given', async () => {
    const { sourceOf, build } = checksThat({ builds: true });
    expect(await checkFault(fault, { sourceOf, build })).toStrictEqual({ simulation: undefined, specs: undefined });
  });

  it('of a fault that does not build is the reason, and no check runs', async () => {
    const found = await checkFault(fault, checksThat({ builds: false }));
    expect(found).toStrictEqual({ broken: 'Private name "#y" is not declared' });
  });

  it('of a fault that has no place is the reason', async () => {
    const { broken } = await checkFault(unplanted, checksThat({ builds: true }));
    expect(broken).toMatch('stands 0 times in lib/x.ts');
  });
});

describe('the tally of planted faults', () => {
  const fault = { name: 'x', file: 'lib/x.ts', find: 'a', replace: 'b', specs: [] };

  it('counts what each check finds, and the faults that nothing finds', () => {
    const tally = new Tally();
    tally.add({ ...fault, number: 1 }, { simulation: 'seed 1', specs: 'a test' });
    tally.add({ ...fault, number: 2 }, { simulation: undefined, specs: 'a test' });
    const explained = tally.add({ ...fault, number: 3, neither: 'because' }, {});
    expect(explained).toBe('3. x (lib/x.ts)\n    simulation: —\n    specs: —\n    because');
    expect(tally.summary).toBe('planted: 3 faults, simulation 1, specs 2, neither 1');
    expect(tally.failures).toStrictEqual([]);
  });

  it('fails for a gap, and for a fault that was not planted', () => {
    const tally = new Tally();
    tally.add({ ...fault, number: 4 }, {});
    expect(tally.broken).toStrictEqual([]);
    expect(tally.add({ ...fault, number: 5 }, { broken: 'no name' })).toBe(
      '5. x (lib/x.ts)\n    it was not planted: no name',
    );
    expect(tally.broken).toStrictEqual(['Not planted: 5']);
    expect(tally.failures).toStrictEqual(['Not planted: 5', 'Found by nothing, and not explained: 4']);
    expect(tally.summary).toBe('planted: 2 faults, simulation 0, specs 0, neither 2');
  });
});
