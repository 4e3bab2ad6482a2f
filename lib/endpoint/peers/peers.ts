import { Dialer } from '../../connection/dialing/dialer.js';
import { agree, announcedExtensions } from '../../connection/handshake.js';
import type { HostConnection } from '../../connection/host-connection.js';
import type { Link, LinkOptions } from '../../connection/link.js';
import { GridError } from '../../errors.js';
import { RejectedError } from '../../rejection.js';
import { duplicateProbeTimeout } from '../../bounds.js';
import type { Responder } from '../../mux/engine.js';
import { emptyPayload } from '../../wire/frame.js';
import { linkedSockets } from '../../transport/memory-socket.js';
import type { Dial } from '../../transport/socket.js';
import type { RouteConnection } from '../../calls/route-connection.js';
import { reservedIds } from '../../contract/reserved-ids.js';
import type { Auth } from '../accept/auth.js';
import { dialUrl, usesTls } from '../host-name.js';
import type { Endpoint } from '../endpoint.js';
import { whoDials } from './who-dials.js';

/** A host of the cluster: another one, or this one (the loopback). */
export interface Peer {
  readonly host: string;
  readonly connection: HostConnection;
  readonly routes: RouteConnection;
  /** Which side dials; undefined before the start and for the loopback. */
  dials: 'local' | 'remote' | undefined;
  /** Stops dialing the peer or waiting for it. */
  stop: () => void;
  /** Called when this side has rejected a dial under the peer's name. */
  rejected: (reason: string) => void;
}

/** Creates a peer that has not been started. */
export function createPeer(endpoint: Endpoint, host: string): Peer {
  return { host, ...endpoint.connect(host), dials: undefined, stop: () => undefined, rejected: () => undefined };
}

/** Stops what keeps a peer connected, and closes its connection. */
export function closePeer({ stop, connection }: Peer): void {
  try {
    stop();
  } finally {
    connection.close();
  }
}

/** Connects the local host with itself in memory, so that its calls take the same path as calls to other hosts. */
export function startLoopback(endpoint: Endpoint, peer: Peer): void {
  const { host, connection } = peer;
  const extensions = announcedExtensions('off');
  const agreement = agree(extensions, extensions, false);
  const link = (): void => {
    const [caller, responder] = linkedSockets((task) => endpoint.runtime.schedule(task, 0));
    const shared = { agreement, remoteId: endpoint.id, caller: { name: host, kind: 'host' } as const };
    endpoint.link(connection, { socket: responder, ...shared });
    connection.open(endpoint.link(connection, { socket: caller, ...shared }));
  };
  link();
  // Even this link can be lost: a process that was suspended for a while has not answered pings.
  const subscription = connection.lost.subscribe(link);
  peer.stop = () => {
    subscription.unsubscribe();
  };
}

/** Dials the peer repeatedly, or waits to be dialed, depending on the names. */
export function startPeer(endpoint: Endpoint, local: string, peer: Peer, auth: Auth, path: string, dial: Dial): void {
  const { host, connection } = peer;
  if (!whoDials(local, host, (text) => endpoint.checksum!.hash64(text))) {
    peer.dials = 'remote';
    awaitDial(endpoint, local, peer, path);
    return;
  }
  peer.dials = 'local';
  const extensions = announcedExtensions(endpoint.checksumMode);
  const tls = usesTls(local) && usesTls(host);
  const duplicate = (): void => {
    endpoint.report({ type: 'duplicate-host', host: local, at: host });
  };
  const notice = onDuplicateNotice(duplicate);
  const dialer = new Dialer({
    connection,
    url: dialUrl(host, path),
    dial,
    runtime: endpoint.runtime,
    limits: endpoint.limits,
    checksum: endpoint.checksum,
    connect: { id: endpoint.id, host: local, ext: extensions },
    token: () => auth.sign({ local, remote: host, wallNow: () => endpoint.runtime.wallNow() }),
    accepted: (socket, response) => {
      const agreement = agree(extensions, response.ext, tls);
      const find: LinkOptions['find'] = (handler, subroute) =>
        handler === reservedIds.duplicateHost && subroute === undefined ? notice : endpoint.find(handler, subroute);
      connection.open(
        endpoint.link(connection, {
          socket,
          agreement,
          remoteId: response.id,
          caller: { name: host, kind: 'host' },
          find,
        }),
      );
    },
    rejected: (reason) => {
      endpoint.report({ type: 'rejected', host, by: 'remote', reason });
    },
    duplicate,
  });
  peer.stop = () => {
    dialer.stop();
  };
}

// After the start and after each connection loss, calls wait for the peer to dial, up to dialedGrace; then they fail at
// once.
function awaitDial(endpoint: Endpoint, local: string, peer: Peer, path: string): void {
  const { host, connection } = peer;
  const { dialedGrace } = endpoint.limits;
  const notDialed = `${host} has not dialed for ${String(dialedGrace)} ms. The names of the two decide that it dials, not ${local}: check that it runs, that ${local} is among its hosts, that its first path is ${path}, and that no other process calls itself ${local}.`;
  let cancel = (): void => undefined;
  // Set if this side has rejected the peer while waiting for it.
  let rejection: RejectedError | undefined;
  const wait = (): void => {
    cancel();
    rejection = undefined;
    cancel = endpoint.runtime.schedule(() => {
      connection.attemptFailed(rejection ?? new Error(notDialed));
    }, dialedGrace);
  };
  wait();
  const subscription = connection.lost.subscribe(wait);
  peer.stop = () => {
    cancel();
    subscription.unsubscribe();
  };
  peer.rejected = (reason) => {
    rejection = new RejectedError(`${local} rejected a connection from ${host}: ${reason}`, reason);
    // During the grace the rejection must not end the waiting: anyone can dial under any name without a token.
    if (connection.state.status === 'back-off') connection.attemptFailed(rejection);
  };
}

/**
 * Notifies the process at the other end of a link that another process dialed under its name. Older versions refuse the
 * notice.
 */
export function sendDuplicateNotice(link: Link): void {
  const { engine, agreement } = link;
  if (!agreement.extended) return;
  const sink = { route: 'the notice of a duplicate host', response: ignore, failed: ignore };
  try {
    engine.request({ handler: reservedIds.duplicateHost }, emptyPayload, engine.now() + duplicateProbeTimeout, sink);
  } catch (error) {
    // The queue is full. The next attempt of the other process sends the notice again.
    if (!(error instanceof GridError)) throw error;
  }
}

function onDuplicateNotice(notify: () => void): Responder {
  return {
    kind: 'unary',
    respond: (mux) => {
      mux.respond(null);
      notify();
    },
  };
}

function ignore(): void {
  // It does not matter whether the notice arrived.
}
