/**
 * Puts sections into a text that has places for them: what stands between `<!-- bench NAME -->` and the next
 * `<!-- bench end -->`. Places of other names stay as they are, and sections without a place are left out.
 *
 * @param {string} text
 * @param {ReadonlyMap<string, string>} sections by name
 */
export function fillPlaces(text, sections) {
  return text.replace(
    /(<!-- bench (\S+) -->\n)[^]*?(<!-- bench end -->)/g,
    (
      /** @type {string} */ place,
      /** @type {string} */ start,
      /** @type {string} */ name,
      /** @type {string} */ end,
    ) => {
      const section = sections.get(name);
      return section === undefined ? place : `${start}\n${section}\n\n${end}`;
    },
  );
}
