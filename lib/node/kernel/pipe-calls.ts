import type { Foreign } from './foreign.js';

/** The two descriptors of a pipe. */
export interface PipeEnds {
  readonly read: number;
  readonly write: number;
}

/** Calls of Linux that move bytes from a socket through a pipe to a file. None waits for a socket or a pipe. */
export interface PipeCalls {
  /** True for the negative number of an error that the next call may not have: there is nothing to move, or no room. */
  isTemporary(result: number): boolean;
  /** Makes a pipe that holds so many bytes; undefined where the system refuses it. */
  open(bytes: number): PipeEnds | undefined;
  /** Copies bytes into a pipe, as far as it has room. A negative result is the negative number of the error. */
  write(pipe: number, bytes: Uint8Array): number;
  /**
   * Moves up to `count` bytes from a socket to a pipe. 0: the socket has ended. Errors are like those of {@link write}.
   */
  receive(socket: number, pipe: number, count: number): number;
  /**
   * Moves up to `count` bytes from a pipe to a file at `position`, on another thread, which may wait for the disk.
   * Calls `done` with their number, which is 0 after an error.
   */
  store(pipe: number, file: number, position: number, count: number, done: (moved: number) => void): void;
}

/** `O_NONBLOCK | O_CLOEXEC` of all architectures that are supported. */
const pipeFlags = 0o4000 | 0o2000000;
/** `F_SETPIPE_SZ` */
const setPipeSize = 1031;
/** `SPLICE_F_MOVE`, `SPLICE_F_NONBLOCK` */
const [move, nonBlock] = [1, 2];

/** Binds the calls of the C library. `close` closes a descriptor. */
export function pipeCallsOf(foreign: Foreign, close: (fd: number) => void): PipeCalls {
  const library = foreign.load(null);
  const pipe2 = library.func('int pipe2(int *ends, int flags)');
  // Its argument is variadic: on Linux, one of 32 bits is passed like a declared one.
  const fcntl = library.func('int fcntl(int fd, int command, int argument)');
  const write = library.func('intptr_t write(int fd, const void *bytes, size_t count)');
  const splice = library.func(
    'intptr_t splice(int from, int64_t *fromOffset, int to, int64_t *toOffset, size_t count, uint32_t flags)',
  );
  const { EINTR, EAGAIN } = foreign.os.errno;
  const checked = (result: number): number => (result < 0 ? -foreign.errno() : result);
  return {
    isTemporary: (result) => result === -EAGAIN! || result === -EINTR!,
    open(bytes) {
      const ends = new Int32Array(2);
      if (pipe2(ends, pipeFlags) < 0) return undefined;
      const [read, writeEnd] = ends as unknown as readonly [number, number];
      if (fcntl(writeEnd, setPipeSize, bytes) >= bytes) return { read, write: writeEnd };
      close(read);
      close(writeEnd);
      return undefined;
    },
    write: (pipe, bytes) => checked(write(pipe, bytes, bytes.length)),
    receive: (socket, pipe, count) => checked(splice(socket, null, pipe, null, count, move | nonBlock)),
    store(pipe, file, position, count, done) {
      // The call uses it until it has ended.
      const offset = new BigInt64Array(new ArrayBuffer(8));
      offset[0] = BigInt(position);
      splice.async!(pipe, null, file, offset, count, move, (error: unknown, result: number) => {
        done(error === null && result > 0 ? Number(offset[0]) - position : 0);
      });
    },
  };
}
