// What a person sees: news as they come, and below them a table that is drawn anew. Without a terminal plain lines.

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
export const count = (value) => number.format(value);
export const mebibytes = (value) => `${(value / 2 ** 20).toFixed(1)} MiB`;

const titles = ['host', 'state', 'rtt', 'calls/s', 'bytes/s', 'credit stalls', 'files', 'peers'];

export class Screen {
  hosts = [];
  /** What is going on, in a few words. */
  progress = () => 'starting';
  #live = process.stdout.isTTY;
  #began = performance.now();
  #table = [];
  #drawn = 0;
  #before = new Map();
  #timer;

  constructor() {
    this.#timer = setInterval(() => this.#tick(), this.#live ? 1_000 : 2_000);
  }

  say(text) {
    this.#write([this.#timed(text)]);
  }

  /** What is said later is not news any more. */
  stop() {
    clearInterval(this.#timer);
    this.say = () => undefined;
  }

  #tick() {
    const rows = this.hosts.map((host) => this.#row(host));
    if (!this.#live) {
      const plain = rows.map((row) =>
        row.map((cell, column) => (column < 2 ? cell : `${titles[column]} ${cell}`)).join(' '),
      );
      this.say([this.progress(), ...plain].join(' | '));
      return;
    }
    const table = [titles, ...rows];
    const widths = titles.map((_, column) => Math.max(...table.map((row) => row[column].length)));
    const pad = (cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
    this.#table = ['', ...table.map((row) => row.map(pad).join('   ')), '', this.#timed(this.progress())];
    this.#write([]);
  }

  /** A host: how it is connected with the client, and all that it does, with the client and with other hosts. */
  #row(host) {
    const { label, state, stats, report } = host;
    if (state?.status !== 'connected' || report === undefined) {
      this.#before.delete(host);
      return [label, state?.status ?? '', ...titles.slice(2).map(() => '-')];
    }
    const { links, files } = report;
    const sum = (of) => links.reduce((all, link) => all + of(link), 0);
    const now = {
      at: performance.now(),
      calls: sum(({ callsIn, callsOut }) => callsIn + callsOut),
      bytes: sum(({ bytesIn, bytesOut }) => bytesIn + bytesOut),
    };
    const before = this.#before.get(host) ?? { at: 0, calls: 0, bytes: 0 };
    this.#before.set(host, now);
    // A host that was killed counts anew.
    const perSecond = (figure) => (Math.max(0, now[figure] - before[figure]) * 1_000) / (now.at - before.at);
    const peers = links.filter((link) => this.hosts.some(({ url }) => url === link.host));
    return [
      label,
      state.status,
      stats?.rtt === undefined ? '-' : `${stats.rtt.toFixed(1)} ms`,
      count(perSecond('calls')),
      mebibytes(perSecond('bytes')),
      count(sum(({ creditStalls }) => creditStalls) + stats.creditStalls),
      count(files),
      `${peers.filter(({ status }) => status === 'connected').length}/${peers.length}`,
    ];
  }

  #timed(text) {
    return `${((performance.now() - this.#began) / 1_000).toFixed(1).padStart(5)} s  ${text}`;
  }

  /** Writes lines that stay, in place of the table, and the table below them. */
  #write(news) {
    const columns = process.stdout.columns || 120;
    const back = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A\x1b[J`;
    const table = this.#table.map((line) => line.slice(0, columns - 1));
    this.#drawn = table.length;
    process.stdout.write(back + [...news, ...table].map((line) => `${line}\n`).join(''));
  }
}
