/** The last part of a path with slashes; empty for the folder that is served, or the working folder. */
export function lastName(path: string): string {
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return name === '.' ? '' : name;
}

/** A path for a message. */
export function shownPath(path: string): string {
  return path === '' ? 'the served folder' : JSON.stringify(path);
}

/** Joins parts of a path with slashes; empty ones are left out. */
export function joinPath(...parts: string[]): string {
  return parts.filter((part) => part !== '').join('/');
}
