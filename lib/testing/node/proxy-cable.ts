import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { ConfigurationError } from '../../errors.js';
import { nearestOf } from '../name-check.js';
import type { FaultCable, FaultTarget } from '../network/fault-target.js';
import { MessageFaults, MessageInFlight, type MessageFault } from '../network/message-fault.js';
import { ProxyLane } from './proxy-lane.js';

interface Pair {
  readonly dialed: Socket;
  readonly dialing: Socket;
  /** By the end that sends. */
  readonly lanes: ReadonlyMap<string, ProxyLane>;
}

/**
 * A line between two hosts over real sockets: a proxy on the loopback interface, that each of both dials the other
 * through.
 */
export class ProxyCable implements FaultTarget, FaultCable {
  readonly ends: readonly [string, string];
  readonly cables: readonly FaultCable[] = [this];
  readonly carries = 'bytes';

  readonly #faults = new MessageFaults();
  readonly #everywhere: MessageFaults;
  readonly #ports: Readonly<Record<string, number>>;
  readonly #pairs = new Set<Pair>();
  readonly #stalls = new Map<string, number>();
  readonly #limits = new Map<string, number[]>();
  readonly #servers: Server[] = [];
  // Dials across a partition.
  readonly #unanswered = new Set<Socket>();
  #partitions = 0;

  /** `ports`: where the hosts listen; `everywhere`: faults of the whole cluster. */
  constructor(ends: readonly [string, string], ports: Readonly<Record<string, number>>, everywhere: MessageFaults) {
    this.ends = ends;
    this.#ports = ports;
    this.#everywhere = everywhere;
  }

  /** Starts the proxy in front of `host`, for the other end. The result is its port. */
  async listen(host: string): Promise<number> {
    const server = createServer((dialing) => {
      this.#accept(dialing, host);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  interfere(fault: MessageFault): () => void {
    return this.#faults.add(fault);
  }

  cut(): boolean {
    const { size } = this.#pairs;
    for (const { dialed, dialing } of this.#pairs) {
      dialed.resetAndDestroy();
      dialing.resetAndDestroy();
    }
    this.#pairs.clear();
    return size > 0;
  }

  halfOpen(from?: string): boolean {
    this.#check(from);
    for (const { lanes } of this.#pairs) {
      for (const [end, lane] of lanes) if (from === undefined || from === end) lane.silence();
    }
    return this.#pairs.size > 0;
  }

  stall(from?: string): () => void {
    this.#check(from);
    const ends = from === undefined ? this.ends : [from];
    const change = (difference: number): void => {
      for (const end of ends) this.#stalls.set(end, (this.#stalls.get(end) ?? 0) + difference);
      for (const { lanes } of this.#pairs) {
        for (const [end, lane] of lanes) lane.stalled = this.#isStalled(end);
      }
    };
    return once(change);
  }

  // TCP needs both directions to open: one that is separated is enough that no dial is answered.
  partition(from?: string): () => void {
    const resume = this.stall(from);
    this.#partitions++;
    return once((difference) => {
      if (difference > 0) return;
      this.#partitions--;
      resume();
    });
  }

  limit(bytesPerSecond: number, from?: string): () => void {
    this.#check(from);
    const ends = from === undefined ? this.ends : [from];
    return once((difference) => {
      for (const end of ends) {
        const limits = this.#limits.get(end) ?? [];
        if (difference > 0) limits.push(bytesPerSecond);
        else limits.splice(limits.indexOf(bytesPerSecond), 1);
        this.#limits.set(end, limits);
      }
    });
  }

  /** Ends the proxy. */
  close(): void {
    this.cut();
    for (const socket of this.#unanswered) socket.destroy();
    for (const server of this.#servers.splice(0)) server.close();
  }

  #accept(dialing: Socket, host: string): void {
    const [left, right] = this.ends;
    const other = host === left ? right : left;
    dialing.on('error', () => undefined);
    // A dial across a partition gets no answer: the dialer gives up by its own clock.
    if (this.#partitions > 0) {
      this.#unanswered.add(dialing);
      return;
    }
    const dialed = connect({ host: '127.0.0.1', port: this.#ports[host]!, noDelay: true });
    dialed.on('error', () => {
      dialing.resetAndDestroy();
    });
    dialing.setNoDelay(true);
    const pair: Pair = {
      dialed,
      dialing,
      lanes: new Map([
        [other, this.#lane(other, host, dialing, dialed)],
        [host, this.#lane(host, other, dialed, dialing)],
      ]),
    };
    this.#pairs.add(pair);
    for (const [end, lane] of pair.lanes) lane.stalled = this.#isStalled(end);
    const gone = (): void => {
      if (dialed.destroyed && dialing.destroyed) this.#pairs.delete(pair);
    };
    dialed.on('close', gone);
    dialing.on('close', gone);
  }

  #lane(from: string, to: string, source: Socket, target: Socket): ProxyLane {
    return new ProxyLane({
      source,
      target,
      sent: (bytes) => {
        const message = new MessageInFlight(from, to, bytes);
        this.#everywhere.apply(message);
        this.#faults.apply(message);
        return message;
      },
      limit: () => Math.min(...(this.#limits.get(from) ?? [])),
      ended: () => {
        target.destroySoon();
      },
    });
  }

  #isStalled(end: string): boolean {
    return (this.#stalls.get(end) ?? 0) > 0;
  }

  #check(from: string | undefined): void {
    if (from === undefined || this.ends.includes(from)) return;
    throw new ConfigurationError(
      `${from} is no end of the cable ${this.ends.join(' ⇄ ')}. ${nearestOf(from, this.ends)}`,
    );
  }
}

// Begins something with 1 and ends it, once, with −1.
function once(change: (difference: 1 | -1) => void): () => void {
  change(1);
  let over = false;
  return () => {
    if (over) return;
    over = true;
    change(-1);
  };
}
