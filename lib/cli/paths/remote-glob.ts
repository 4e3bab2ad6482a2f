import { exitCodes, Failure } from '../exit/failure.js';
import { joinPath } from './path-text.js';
import { isGlob, nameMatcher } from './glob.js';
import { entriesOf, isName, remoteInfo, type Remote } from './remote-folder.js';

/**
 * The paths of a host that a pattern matches, in the order of their names; `*`, `?` and `[…]` do not match a slash.
 * Where a path has the text of the pattern as its name, it is the only result.
 *
 * @throws Failure where nothing matches.
 */
export async function expandRemote(remote: Remote, pattern: string): Promise<readonly string[]> {
  if ((await remoteInfo(remote, pattern).catch(() => undefined)) !== undefined) return [pattern];
  let found = [''];
  const parts = pattern.split('/').filter((part) => part !== '');
  for (const [index, part] of parts.entries()) {
    if (!isGlob(part)) {
      found = found.map((path) => joinPath(path, part));
      continue;
    }
    const matches = nameMatcher(part);
    const next: string[] = [];
    for (const folder of found) {
      for await (const entry of entriesOf(remote, folder)) {
        // A name that is not UTF-8 counts as found: the command then reports that it cannot be used.
        const { path, type } = 'info' in entry ? entry.info : { path: entry.failure.path, type: undefined };
        const isLast = index === parts.length - 1;
        const leads = type === undefined ? isLast : isLast ? type !== 'other' : type === 'folder';
        // As in a shell, a name with a dot before it has to be asked for. The names are the host's.
        const hidden = path.startsWith('.') && !part.startsWith('.');
        if (leads && !hidden && isName(path) && matches(path)) next.push(joinPath(folder, path));
      }
    }
    found = next.sort();
  }
  if (found.length === 0)
    throw new Failure(`nothing at the host matches ${JSON.stringify(pattern)}.`, exitCodes.failed);
  return found;
}
