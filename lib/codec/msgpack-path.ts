/** Longest key that an error shows, in UTF-16 units. Keys may come from the other side. */
const maxKeyLength = 40;
/** Most steps that an error shows. */
const maxSteps = 16;

const identifier = /^[A-Za-z_$][\w$]*$/;

/** The text of a position in a value: `$` is the value itself, `$.items[3].name` a field of an element of a field. */
export function pathText(path: readonly (string | number)[]): string {
  let text = '$';
  for (const step of path.slice(0, maxSteps)) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (step.length <= maxKeyLength && identifier.test(step)) text += `.${step}`;
    else text += `[${JSON.stringify(step.slice(0, maxKeyLength))}${step.length > maxKeyLength ? '…' : ''}]`;
  }
  return path.length > maxSteps ? `${text}…` : text;
}
