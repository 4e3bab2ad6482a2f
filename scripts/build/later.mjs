import { writeFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * What `rxgrid/node` exports and most processes never call, by the file that is loaded when one of them is: modules
 * that export functions, which take 0.4 MB of memory.
 */
const groups = {
  'node/later/dashboard': ['node/dashboard/serve-dashboard'],
  'node/later/files': [
    'node/files/disk/temporary',
    'node/files/receive/receive-file',
    'node/files/receive/receive-files',
    'node/files/send/file-region',
    'node/files/send/sendfile',
    'node/files/serve/serve-files',
  ],
  'node/later/membership': [
    'node/membership/hosts-from-dns',
    'node/membership/hosts-from-etcd',
    'node/membership/hosts-from-file',
    'node/membership/hosts-from-stateful-set',
  ],
};

export const laterFiles = Object.keys(groups);

/**
 * Lets the module `entry` in the folder `esm` export, in place of the functions of the groups, ones that load the file
 * of theirs at the first call. Writes these files into `esm` and gives the text of the entry.
 */
export async function loadLater(esm, entry) {
  let text = readFileSync(`${esm}/${entry}.js`, 'utf8');
  for (const [group, modules] of Object.entries(groups)) {
    const load = `load_${posix.basename(group)}`;
    const exported = [];
    const wrappers = [];
    for (const module of modules) {
      const line = new RegExp(`^export \\{ (.*) \\} from '${pathTo(entry, module)}';\\n`, 'm');
      const names = line.exec(text)?.[1].split(', ');
      if (names === undefined) throw new Error(`${entry} exports nothing of ${module}.`);
      const all = await import(pathToFileURL(`${esm}/${module}.js`));
      text = text.replace(line, '');
      wrappers.push(...names.map((name) => wrapper(name, all[name], load)));
      exported.push(`export { ${names.join(', ')} } from '${pathTo(group, module)}';\n`);
    }
    mkdirSync(dirname(`${esm}/${group}.js`), { recursive: true });
    writeFileSync(`${esm}/${group}.js`, exported.join(''));
    text += `let ${load}ed;\nconst ${load} = () => ${load}ed ??= requireNow(import('${pathTo(entry, group)}'));\n`;
    text += wrappers.join('');
  }
  return text;
}

function pathTo(from, to) {
  const path = posix.relative(posix.dirname(from), to);
  return `${path.startsWith('.') ? '' : './'}${path}.js`;
}

/** A function of the same name and length. A class would need more: `instanceof`, and subclasses. */
function wrapper(name, original, load) {
  if (typeof original !== 'function' || /^class\b/.test(String(original))) throw new Error(`${name} is no function.`);
  const parameters = Array.from({ length: original.length }, (_, index) => `p${index}`);
  return `export function ${name}(${parameters.join(', ')}) { return ${load}().${name}(...arguments); }\n`;
}
