/** What a run over a list of faults has found. */
export class Tally {
  #faults = 0;
  #simulation = 0;
  #specs = 0;
  #neither = 0;
  #broken = [];
  #gaps = [];

  /**
   * Takes the result of one fault, and returns what there is to say about it.
   *
   * @param {import('./faults.mjs').Planted & { number: number }} fault
   * @param {import('./check-fault.mjs').Found} found
   */
  add({ number, name, file, neither }, { broken, simulation, specs }) {
    this.#faults++;
    const head = `${number}. ${name} (${file})`;
    if (broken !== undefined) {
      this.#broken.push(number);
      this.#neither++;
      return `${head}\n    it was not planted: ${broken}`;
    }
    if (simulation !== undefined) this.#simulation++;
    if (specs !== undefined) this.#specs++;
    const lines = [head, `    simulation: ${simulation ?? '—'}`, `    specs: ${specs ?? '—'}`];
    if (simulation === undefined && specs === undefined) {
      this.#neither++;
      if (neither === undefined) this.#gaps.push(number);
      lines.push(`    ${neither ?? 'a gap'}`);
    }
    return lines.join('\n');
  }

  /** Faults that were not planted, one line; none where all were. */
  get broken() {
    return listed('Not planted', this.#broken);
  }

  /** These, and the faults that nothing found and nothing explains: either fails the command. */
  get failures() {
    return [...this.broken, ...listed('Found by nothing, and not explained', this.#gaps)];
  }

  /** The last line of the command. */
  get summary() {
    return `planted: ${this.#faults} faults, simulation ${this.#simulation}, specs ${this.#specs}, neither ${this.#neither}`;
  }
}

function listed(text, numbers) {
  return numbers.length > 0 ? [`${text}: ${numbers.join(', ')}`] : [];
}
