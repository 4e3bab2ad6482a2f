import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/*
 * A process that puts a folder and a link that leads out in each other's place, again and again, until it is killed or
 * its parent is gone. Arguments: the folders in which to do that, with the name `swap`.
 */

const folders = process.argv.slice(2);
process.on('disconnect', () => process.exit());

const names = (folder: string): [string, string, string] => [
  join(folder, 'swap'),
  join(folder, 'swap-link'),
  join(folder, 'swap-folder'),
];

function swap(): void {
  for (const folder of folders) {
    const [name, link, other] = names(folder);
    try {
      // Whoever is attacked may have made something else of them.
      for (const one of [name, link, other]) rmSync(one, { recursive: true, force: true });
      symlinkSync('../out', name);
      mkdirSync(other);
      for (let times = 0; times < 50; times++) {
        renameSync(name, link);
        renameSync(other, name);
        renameSync(name, other);
        renameSync(link, name);
      }
    } catch {
      // It was made in between.
    }
  }
  setImmediate(swap);
}

process.send!('swapping');
swap();
