/**
 * Calls that this host makes for others, as far as it is allowed to: `connection.via(host)` at the other end.
 *
 *     caller ──relay route──▶ authorize ──▶ this host ──the route itself──▶ host
 *            ◀──── payloads and errors as they are, credit, deadline and cancel linked ────▶
 *
 * An item is released to its sender when it has been sent on, which needs credit of the other connection. A call is
 * relayed once: a relay calls neither another relay, nor its caller.
 */

import { defer, from, switchMap, type Observable } from 'rxjs';
import { aFunction, checkOptions, type Rule } from '../check.js';
import { raw } from '../codec/codec.js';
import type { Connection } from '../contract/connection.js';
import { defaultWindow } from '../limits.js';
import { duplex, unary, type RouteBase } from '../contract/contract.js';
import { InvalidArgumentError, PermissionDeniedError } from '../contract/define-error.js';
import type { Bound, Call } from '../contract/handler.js';
import { bind } from '../handlers/bound.js';
import type { CallOptions } from '../contract/options.js';
import { relayRoutes } from '../contract/relay-routes.js';
import { isRelay, type RelayedCall } from '../contract/relayed-route.js';
import { namedHandler } from '../contract/reserved-ids.js';
import type { Meta } from '../wire/payloads/opening-extra.js';

/** A call that a leaf asks this host to make. */
export interface RelayRequest {
  /** Name of the calling host, or identity of the leaf. */
  readonly caller: string;
  readonly callerKind: 'host' | 'leaf';
  /** The host to be called: one of the cluster, this one, or a leaf of this one. It sees a call of this host. */
  readonly host: string;
  readonly kind: 'unary' | 'duplex';
  /** Handler id of the route; undefined for a route that is addressed by its name. */
  readonly id: number | undefined;
  /** Name of the route, with its subroute; undefined for a route that is addressed by its id: its name is not sent. */
  readonly name: string | undefined;
  /** Subroute of a route that is addressed by its id. */
  readonly subroute: string | undefined;
  /** Metadata of the call, which is passed on. */
  readonly meta: Meta;
}

/** How a host makes calls for others. */
export interface RelayOptions {
  /**
   * Authorizes each call through this host. Only `true` allows a call; an error that it throws refuses it. The call is
   * then made in this host's name: `call.caller` is this host at the other end, whatever the caller of the relay is.
   */
  authorize(request: RelayRequest): boolean | Promise<boolean>;
}

const rules: Readonly<Record<keyof RelayOptions, Rule>> = {
  authorize: aFunction('authorizes calls through this host'),
};

/** What a relay needs of its host. */
export interface RelayScope {
  readonly local: string;
}

/** A call of a relay route, of either kind. */
type RelayedFor = Pick<Call<unknown>, 'caller' | 'callerKind' | 'meta' | 'connection'>;

/** The handlers of the relay routes. @throws ConfigurationError for an option that cannot work. */
export function relayHandlers(options: RelayOptions, scope: RelayScope): readonly Bound[] {
  checkOptions(options, rules, { of: 'relay', required: ['authorize'], mayHaveOthers: true });
  const connect = async (relayed: RelayedCall, call: RelayedFor, kind: RelayRequest['kind']): Promise<Connection> => {
    checkTarget(relayed, call, scope.local);
    const request = { caller: call.caller, callerKind: call.callerKind, kind, meta: call.meta, ...routeOf(relayed) };
    const allowed: unknown = await options.authorize(request);
    if (allowed !== true) {
      throw new PermissionDeniedError(
        `${call.caller} may not call ${request.name ?? `handler ${relayed.handler}`} of ${relayed.host} via ${scope.local}: the option relay there does not allow it.`,
      );
    }
    try {
      return call.connection(relayed.host);
    } catch {
      throw unreachable(`${scope.local} knows no host ${relayed.host}.`);
    }
  };
  return [
    bind(relayRoutes.unary, (relayed, call) =>
      defer(() => from(connect(relayed, call, 'unary'))).pipe(
        switchMap((connection) =>
          connection.request(
            { ...unary({ name: nameOf(relayed), request: raw, response: raw }), ...addressOf(relayed) },
            relayed.request,
            passed(call),
          ),
        ),
      ),
    ),
    bind(relayRoutes.duplex, async (relayed, call) => {
      const connection = await connect(relayed, call, 'duplex');
      return streamVia(connection, relayed, call).pipe();
    }),
  ];
}

function streamVia(connection: Connection, relayed: RelayedCall, call: Call<Uint8Array>): Observable<Uint8Array> {
  const shapes = { name: nameOf(relayed), request: raw, output: raw, outCapacity: relayed.outWindow ?? defaultWindow };
  const address = addressOf(relayed);
  if (!relayed.hasInput) return connection.stream({ ...duplex(shapes), ...address }, relayed.request, passed(call));
  const route = { ...duplex({ ...shapes, input: raw }), ...address };
  return connection.exchange(route, relayed.request, () => call.input, passed(call));
}

// The deadline and the cancel of the call come with the connection; a timeout of this host's would only shorten it.
function passed({ meta }: RelayedFor): CallOptions {
  return { meta, timeout: Infinity };
}

function checkTarget({ host, handler }: RelayedCall, { caller, callerKind }: RelayedFor, local: string): void {
  if (callerKind === 'host' && host === caller) {
    throw unreachable(`The call of ${caller} via ${local} leads back to ${caller}. Call its own handlers directly.`);
  }
  if (isRelay(handler)) {
    throw unreachable(
      `The call to ${host} via ${local} would be relayed again. A call is relayed once: the hosts of a mesh reach each other directly.`,
    );
  }
}

function unreachable(text: string): InvalidArgumentError {
  return new InvalidArgumentError(text, { issues: [{ path: ['host'], message: text }] });
}

function routeOf({ host, handler, path }: RelayedCall): Pick<RelayRequest, 'host' | 'id' | 'name' | 'subroute'> {
  const named = handler === namedHandler;
  return {
    host,
    id: named ? undefined : handler,
    name: named ? path : undefined,
    subroute: named ? undefined : path,
  };
}

function nameOf({ handler, path }: RelayedCall): string {
  return handler === namedHandler ? path! : `handler ${handler}`;
}

// Added to a contract that is made already: the library's own routes have ids that a contract of a user's cannot have.
function addressOf({ handler, path }: RelayedCall): Pick<RouteBase, 'id' | 'subroute'> {
  if (handler === namedHandler) return {};
  return { id: handler, ...(path === undefined ? {} : { subroute: path }) };
}
