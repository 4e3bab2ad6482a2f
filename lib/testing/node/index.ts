/**
 * Tests of your flows over real sockets, with the faults of `rxgrid/testing`: a proxy on the loopback interface stands
 * between each two hosts. For Node alone.
 *
 * @packageDocumentation
 */

export { socketTest, type SocketTestOptions } from './socket-test.js';
export { writeSpec, type WriteSpecOptions } from './write-spec.js';
