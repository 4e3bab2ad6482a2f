import type { MessageFault } from './message-fault.js';

/** The line between two hosts, as faults see it: a cable in memory, or a proxy between two sockets. */
export interface FaultCable {
  /** Names of its ends. */
  readonly ends: readonly string[];
  /** Breaks what is open on it. The result says whether anything was. */
  cut(reason?: string): boolean;
  /** Loses what is sent from now on, without notice. The result says whether anything was open. */
  halfOpen(from?: string): boolean;
  /** Holds back what is sent. The result lets it go on. */
  stall(from?: string): () => void;
  /** Separates the ends; with `from`, only what this one sends does not arrive. The result joins them again. */
  partition(from?: string): () => void;
  /** Bounds the bandwidth, in bytes per second. The result removes the bound. */
  limit(bytesPerSecond: number, from?: string): () => void;
}

/** Something whose lines can have faults: a cable, or what has cables. */
export interface FaultTarget {
  /** Its cables, as far as they exist. */
  readonly cables: readonly FaultCable[];
  /** Names of the hosts at its ends, for the option `from`. Undefined: they are not known beforehand. */
  readonly ends?: readonly string[];
  /**
   * `bytes`: the line carries pieces of a byte stream, in which messages cannot be distinguished. Default `messages`.
   */
  readonly carries?: 'messages' | 'bytes';
  /** Shows every message that is sent to `fault`, also on cables to come. The result removes it. */
  interfere(fault: MessageFault): () => void;
}

/** A host or a leaf, as one side of a partition. */
export interface FaultParty {
  readonly name: string;
  /** Its cable to another one. */
  cable(to: string): FaultCable;
}

/** A host that can be killed and started again. */
export interface FaultHost extends FaultParty {
  readonly running: boolean;
  /**
   * Ends the host as a killed process ends; with `silent` its peers are not notified, as when a machine loses its
   * power.
   */
  crash(silent?: boolean): void;
  /** Starts the host again: a new process with the same name. */
  start(): Promise<void>;
}
