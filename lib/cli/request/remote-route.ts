import { firstValueFrom } from 'rxjs';
import type { Codec } from '../../codec/codec.js';
import { raw } from '../../codec/codec.js';
import { msgpack } from '../../codec/msgpack-codec.js';
import { duplex, unary, type Duplex, type Unary } from '../../contract/contract.js';
import { CodecError, RefusedError } from '../../errors.js';
import { monitor, type GridDescription, type PayloadDescription, type RouteDescription } from '../../monitor/index.js';
import { takeUntilAborted } from '../../operators/take-until-aborted.js';
import { exitCodes, Failure } from '../exit/failure.js';
import { toJson } from '../output/json-value.js';
import { checkOf, type Check } from './schema-check.js';
import { note } from '../output/output.js';
import type { Target } from '../connect/target.js';

/** The options with which a command finds its route. */
export interface RouteOptions {
  readonly raw?: boolean;
  /** Handler id: then the description of the host is not asked for. */
  readonly id?: number;
  readonly subroute?: string;
  readonly quiet?: boolean;
}

/** A route of the host, ready to be called. */
export interface RemoteRoute {
  readonly name: string;
  /** False where the host does not describe itself: then payloads are taken for MessagePack. */
  readonly described: boolean;
  readonly route: RouteDescription;
  /** The checks of the values that are sent. */
  readonly checkRequest: Check;
  readonly checkInput: Check;
}

/** Elements of one value at most. */
const maxItems = 1 << 20;
/** Names of routes that are shown where one is not found. */
const maxNames = 20;

/** The description of the host; undefined where it serves no monitor to this side. Errors: those of calls. */
export async function descriptionOf({ connection, signal }: Target): Promise<GridDescription | undefined> {
  try {
    return await firstValueFrom(monitor(connection).description$.pipe(takeUntilAborted(signal)));
  } catch (error) {
    if (error instanceof RefusedError && !error.retryable) return undefined;
    throw error;
  }
}

/** Finds a route of the host. @throws Failure where it has none of that name and kind; errors of calls. */
export async function findRoute(
  target: Target,
  name: string,
  kind: RouteDescription['kind'],
  options: RouteOptions,
): Promise<RemoteRoute> {
  const description = options.id === undefined ? await descriptionOf(target) : undefined;
  if (description === undefined) {
    if (options.id === undefined && options.quiet !== true && options.raw !== true) {
      note('the host does not describe its routes to us: values are sent as MessagePack, unchecked.');
    }
    return assumed(name, kind, options);
  }
  const route = description.routes.find((each) => each.name === name);
  if (route === undefined) {
    const names = description.routes.slice(0, maxNames).map((each) => each.name);
    const all =
      description.routes.length === 0
        ? 'It serves no routes.'
        : `It serves ${names.join(', ')}${description.routes.length > maxNames ? ', …' : '.'}`;
    throw new Failure(`${target.name} serves no route ${JSON.stringify(name)}. ${all}`);
  }
  if (route.kind !== kind) {
    const command = kind === 'unary' ? 'stream' : 'call';
    throw new Failure(
      `${name} is ${kind === 'unary' ? 'a stream' : 'not a stream'}: use rxgrid ${command} ${name}.`,
      exitCodes.usage,
    );
  }
  const isRaw = options.raw === true;
  return {
    name,
    described: true,
    route,
    checkRequest: await checkOf(isRaw ? undefined : route.request?.schema, 'the request'),
    checkInput: await checkOf(isRaw ? undefined : route.input?.schema, 'the input'),
  };
}

function assumed(name: string, kind: RouteDescription['kind'], { id, subroute }: RouteOptions): RemoteRoute {
  const payload: PayloadDescription = { codec: 'msgpack' };
  const route: RouteDescription = {
    name,
    kind,
    idempotent: false,
    ...(id === undefined ? {} : { id }),
    ...(subroute === undefined ? {} : { subroute }),
    request: payload,
    ...(kind === 'unary' ? { response: payload } : { input: payload, output: payload }),
  };
  return { name, described: false, route, checkRequest: () => undefined, checkInput: () => undefined };
}

type AnyCodec = Codec<unknown>;

/** The contract of a unary route. @throws Failure for an encoding that this command does not know. */
export function unaryOf({ route }: RemoteRoute, isRaw: boolean): Unary<AnyCodec, AnyCodec> {
  const contract = unary({
    name: route.name,
    request: codecOf(route.request, isRaw, 'request'),
    response: codecOf(route.response, isRaw, 'response'),
  });
  return { ...contract, ...addressOf(route) };
}

/** The contract of a stream. @throws Failure for an encoding that this command does not know. */
export function duplexOf({ route }: RemoteRoute, isRaw: boolean): Duplex<AnyCodec, AnyCodec, AnyCodec> {
  const { inWindow, outWindow } = route;
  const contract = duplex({
    name: route.name,
    request: codecOf(route.request, isRaw, 'request'),
    input: codecOf(route.input, isRaw, 'input'),
    output: codecOf(route.output, isRaw, 'output'),
    // A peer that announces no windows goes by its own table.
    ...(inWindow === undefined ? {} : { inCapacity: inWindow }),
    ...(outWindow === undefined ? {} : { outCapacity: outWindow }),
  });
  return { ...contract, ...addressOf(route) };
}

// Not through `unary` and `duplex`: routes of the library itself have ids that contracts of users cannot have.
function addressOf({ id, subroute }: RouteDescription): { readonly id?: number; readonly subroute?: string } {
  return id === undefined ? {} : { id, ...(subroute === undefined ? {} : { subroute }) };
}

function codecOf(payload: PayloadDescription | undefined, isRaw: boolean, what: string): AnyCodec {
  if (isRaw || payload === undefined || payload.codec === 'raw') return raw;
  if (payload.codec === 'msgpack') return msgpack({ maxItems });
  if (payload.codec === 'json') return json;
  return {
    codec: payload.codec,
    encode: () => {
      throw unknownCodec(payload.codec, what);
    },
    decode: () => {
      throw unknownCodec(payload.codec, what);
    },
  };
}

function unknownCodec(codec: string, what: string): Failure {
  return new Failure(
    `the ${what} is encoded as ${codec}, which this command does not know: give and take bytes with --raw.`,
  );
}

const json: AnyCodec = {
  codec: 'json',
  encode: (value) =>
    value === undefined ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(toJson(value))),
  decode: (bytes) => {
    if (bytes.length === 0) return undefined;
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    } catch {
      throw new CodecError('The host sent a payload that is not JSON: take its bytes with --raw.');
    }
  },
};
