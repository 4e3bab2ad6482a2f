// The death of one host in the middle, and its return.

/** How long it is away at the most, in ms. */
const maxAwayMs = 3_000;

export class Outage {
  /** 'not yet', 'away' or 'over'. */
  state = 'not yet';
  #options;
  #ended;

  /** `kill` and `restart` take the name of a host. */
  constructor({ hosts, kill, restart, say }) {
    this.#options = { hosts, kill, restart, say };
  }

  /** The last host. */
  get victim() {
    return this.#options.hosts.at(-1);
  }

  /** Kills the victim without a warning. Resolves when its process is gone. */
  async begin() {
    const { kill, say } = this.#options;
    const { url, label, puts } = this.victim;
    this.state = 'away';
    say(`${label} is killed while it serves ${puts} puts`);
    await kill(url);
    setTimeout(() => this.end().catch(() => undefined), maxAwayMs).unref();
  }

  /** Starts the victim again, once. Resolves when the client is connected with it. */
  end() {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end() {
    if (this.state === 'not yet') return;
    const { restart, say } = this.#options;
    const { url, label, connection } = this.victim;
    say(`${label} is started again`);
    await restart(url);
    await connection.ready();
    this.state = 'over';
    say(`${label} is connected again`);
  }
}
