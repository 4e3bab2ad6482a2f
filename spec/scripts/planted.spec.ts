import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Script } from 'node:vm';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { faults } from '../../scripts/planted/faults.mjs';
import { plant } from '../../scripts/planted/plant.mjs';

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
    // Otherwise everything would find it. The compiler transpiles private names that the class does not have; V8 refuses them.
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
