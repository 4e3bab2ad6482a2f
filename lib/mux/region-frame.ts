/**
 * Region frames: frames whose payload is not in hand when they are queued. When its turn has come, whoever made the frame
 * writes it, from memory or from where the bytes are.
 *
 *     queued ──its turn──▶ writing ──done──▶ written           one at a time on a connection
 *        └─ purged                └─ done(error): the connection is lost
 */

/** Called once: everything is with the network, or the message is torn. */
export type RegionDone = (error?: Error) => void;

/** Bytes in memory that go out as one message. They are the writer's until it is done, and it may change them. */
export interface RegionBytes {
  readonly bytes: Uint8Array;
  /** Bytes before them in the same memory, for what stands before them in the message. */
  readonly room: number;
  /** True: the memory is used again afterwards. Else it is given away. */
  readonly pooled: boolean;
}

/** Writes messages past the batch. */
export interface RegionWriter {
  /** Sends one message of `head` and `body`. */
  writeBytes(head: Uint8Array, body: RegionBytes, done: RegionDone): void;
}

/** One frame whose payload another component writes. */
export interface RegionFrame {
  /** Stands before the body, in the payload. */
  readonly prefix: Uint8Array;
  /** Bytes of the body. */
  readonly length: number;
  /** Its turn has come: sends one message of `head`, which has the prefix, and the body. */
  write(head: Uint8Array, done: RegionDone): void;
}
