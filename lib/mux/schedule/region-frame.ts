/**
 * Region frames: frames whose payload is not in memory when they are queued. Another component, such as a file region,
 * writes the frame when its turn comes, from memory or directly from the file.
 *
 *     queued ──its turn──▶ writing ──done──▶ written           one at a time on a connection
 *        └─ purged                └─ done(error): the connection is lost
 */

/** Called once: the network has all bytes, or, with an error, the message is torn. */
export type RegionDone = (error?: Error) => void;

/** Bytes in memory that are sent as one message. They belong to the writer until it is done, and it may change them. */
export interface RegionBytes {
  readonly bytes: Uint8Array;
  /** Free bytes before them in the same memory, where the writer may put the head of the message. */
  readonly room: number;
  /** True: the memory is reused afterwards. False: it is given away. */
  readonly pooled: boolean;
}

/** Writes messages past the batch. */
export interface RegionWriter {
  /** Sends one message of `head` and `body`. */
  writeBytes(head: Uint8Array, body: RegionBytes, done: RegionDone): void;
}

/** One frame whose payload another component writes. */
export interface RegionFrame {
  /** Bytes of the payload before the body. */
  readonly prefix: Uint8Array;
  /** Size of the body in bytes. */
  readonly length: number;
  /** The frame's turn has come: sends one message made of `head`, which includes the prefix, and the body. */
  write(head: Uint8Array, done: RegionDone): void;
}
