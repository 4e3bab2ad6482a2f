/**
 * The text of a file with a fault in it.
 *
 * @param {string} text
 * @param {{ name: string, file: string, find: string, replace: string }} fault
 * @throws Error where the place of the fault is not there exactly once.
 */
export function plant(text, { name, file, find, replace }) {
  const places = text.split(find).length - 1;
  if (places !== 1) {
    throw new Error(
      `${name}: the text that it changes stands ${places} times in ${file}. Bring scripts/planted/faults.mjs up to date.`,
    );
  }
  return text.replace(find, () => replace);
}
