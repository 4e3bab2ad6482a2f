/**
 * The characters that must not reach a terminal or a log unescaped: the C0 and C1 controls and DEL (escape sequences,
 * new lines), the marks that change the direction of text, line separators, invisible characters, and lone surrogates.
 */
const unprintable =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\p{Cs}\u{e0000}-\u{e0fff}]/gu;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Makes a text of another side fit to print: characters that a terminal would act on are escaped as in JSON (`\u001b`),
 * and a text longer than `maxLength` is cut. The result is one line.
 *
 * @param maxLength - UTF-16 units of the result at the most, not counting the mark of the cut. Default 2 000.
 */
export function printable(text: string, maxLength = 2_000): string {
  // The text is cut before as well: a peer may send megabytes.
  const shown = text.slice(0, maxLength).replace(unprintable, escape);
  if (text.length <= maxLength && shown.length <= maxLength) return shown;
  // A cut within a surrogate pair would leave half of it.
  return `${shown.slice(0, maxLength).replace(/[\ud800-\udbff]$/, '')}…`;
}

function escape(character: string): string {
  const code = character.codePointAt(0)!;
  if (code > 0xffff) return `\\u{${code.toString(16)}}`;
  return short[character] ?? `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * A URL as states, errors and events show it: without user and password, and with `…` in place of its query, because
 * either may hold a secret. A text that is no URL is not shown at all where it may hold one (it has an `@` or a `?`).
 */
export function printableUrl(text: string): string {
  if (!URL.canParse(text)) return /[@?]/.test(text) ? 'a text that is no URL' : printable(text);
  const url = new URL(text);
  const query = url.search === '' ? '' : '?…';
  // The parser takes `user:password@host:1` for a scheme "user" and a path that holds the password.
  if (url.host === '' && url.pathname.includes('@')) return 'a text that is no URL';
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return printable(url.href + query);
}
