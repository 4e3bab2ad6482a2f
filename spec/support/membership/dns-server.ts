import dns2 from 'dns2';
import { freePort } from '../real-grid.js';

type Packet = InstanceType<typeof dns2.Packet>;
/** Records of one kind, by type: addresses, or targets with ports. */
export interface Zone {
  A?: readonly string[];
  AAAA?: readonly string[];
  SRV?: readonly (readonly [target: string, port: number])[];
}

/** A real DNS server on the loopback interface, over UDP and TCP, in the process of the test. */
export class DnsServer {
  /** Records by name. A name that is not here does not exist. */
  readonly zones = new Map<string, Zone>();
  /** In seconds. */
  ttl = 0;
  /** True: every question is answered with SERVFAIL. */
  failing = false;
  /** Questions that were answered so far. */
  questions = 0;
  /** As the option `servers` takes it. */
  address = '';

  #server: ReturnType<typeof dns2.createServer> | undefined = undefined;

  /** Starts it on a free port. */
  async listen(): Promise<this> {
    const at = { port: await freePort(), address: '127.0.0.1' };
    this.#server = dns2.createServer({ udp: true, tcp: true, handle: this.#handle });
    await this.#server.listen({ udp: at, tcp: at });
    this.address = `${at.address}:${String(at.port)}`;
    return this;
  }

  /** Stops answering. */
  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  readonly #handle = (request: Packet, send: (response: Packet) => void): void => {
    const response = dns2.Packet.createResponseFromRequest(request);
    const { name, type } = request.questions[0]!;
    this.questions++;
    const zone = this.zones.get(name);
    const { A, AAAA, SRV } = dns2.Packet.TYPE;
    const shared = { name, class: dns2.Packet.CLASS.IN, ttl: this.ttl };
    if (this.failing) response.header.rcode = 2;
    else if (zone === undefined) response.header.rcode = 3;
    else {
      const add = (record: object): unknown => response.answers.push({ ...shared, type, ...record } as never);
      if (type === A) zone.A?.forEach((address) => add({ address }));
      if (type === AAAA) zone.AAAA?.forEach((address) => add({ address }));
      if (type === SRV) zone.SRV?.forEach(([target, port]) => add({ target, port, priority: 0, weight: 0 }));
    }
    send(response);
  };
}
