import { anything, checkOption, checkOptions, oneOf, whole, type Rule } from '../check.js';
import { ConfigurationError } from '../errors.js';
import { defaultWindow, type CreditWindow } from '../limits.js';
import { isShape, type Shape, type TypeOnly } from '../codec/codec.js';
import type { AnyErrorClass } from './define-error.js';
import { reservedIds } from './reserved-ids.js';
import { checkRetryOptions, routeDefaultsRules, type RouteDefaults } from './route-defaults.js';

/** The properties that all kinds of routes share. `E`: the classes of the errors that the contract names. */
export interface RouteBase<E extends readonly AnyErrorClass[] = readonly AnyErrorClass[]> extends RouteDefaults {
  /**
   * Handler id on the wire, 1..239. A route without one is addressed by its name, between hosts that are both rxgrid.
   */
  readonly id?: number;
  /** Name of the route in errors and events. It is also the address of a route without an id. */
  readonly name: string;
  /** Second part of the address: several routes may share an id if their subroutes differ. */
  readonly subroute?: string;
  /** True if repeating the call is harmless, so operators may repeat it after a connection loss. Default false. */
  readonly idempotent?: boolean;
  /**
   * Classes of the errors that the handler throws, made by `defineError`: its callers get instances of them. Default:
   * none. The library's own, such as PermissionDeniedError, need not be named.
   */
  readonly errors?: E;
}

/** What defines a route. The name may be left out in a group, which then names the route after itself and its key. */
export type RouteDefinition<E extends readonly AnyErrorClass[]> = Omit<RouteBase<E>, 'name'> & {
  readonly name?: string;
};

/** A route with one request and one response. Made by {@link unary}. */
export interface Unary<
  Q extends Shape,
  R extends Shape,
  E extends readonly AnyErrorClass[] = readonly AnyErrorClass[],
> extends RouteBase<E> {
  readonly kind: 'unary';
  readonly request: Q;
  readonly response: R;
  /**
   * True: the response is the first item of an Observable that the handler returns, which is then unsubscribed. Default
   * false: the Observable must emit exactly one item and complete.
   */
  readonly takeFirst?: boolean;
}

/** A route with a stream of items in one or both directions. Made by {@link duplex}. */
export interface Duplex<
  Q extends Shape,
  I extends Shape | undefined,
  O extends Shape,
  E extends readonly AnyErrorClass[] = readonly AnyErrorClass[],
> extends RouteBase<E> {
  readonly kind: 'duplex';
  readonly request: Q;
  /** Undefined if the handler takes no input. */
  readonly input: I;
  readonly output: O;
  /** Window of the input, in items. Undefined if and only if there is no input. */
  readonly inWindow: Required<CreditWindow> | undefined;
  /** Window of the output, in items. */
  readonly outWindow: Required<CreditWindow>;
}

/** Any route. */
export type Route = Unary<Shape, Shape> | Duplex<Shape, Shape | undefined, Shape>;

/** The errors that a contract names: what its calls can fail with, beside the library's own. */
export type ErrorsOf<R> = R extends { readonly errors?: infer E }
  ? Exclude<E, undefined> extends readonly (infer C extends AnyErrorClass)[]
    ? InstanceType<C>
    : never
  : never;

/** Handler ids from this one to 255 are reserved for rxgrid. */
const firstReservedId = reservedIds.files;

/**
 * Declares a route with one request and one response:
 * `unary({ id: 9, name: 'diskInfo', request: type<Query>(), response: type<Info>() })`. If `request` or `response` is
 * left out, the call carries none.
 *
 * @throws ConfigurationError for an invalid id, name or shape, and for an unknown property.
 */
export function unary<
  Q extends Shape = TypeOnly<void>,
  R extends Shape = TypeOnly<void>,
  const E extends readonly AnyErrorClass[] = readonly [],
>(definition: RouteDefinition<E> & { request?: Q; response?: R; takeFirst?: boolean }): Unary<Q, R, E> {
  checkDefinition(definition, unaryRules);
  return {
    ...baseOf(definition),
    kind: 'unary',
    request: definition.request ?? (nothing as Shape as Q),
    response: definition.response ?? (nothing as Shape as R),
    ...(definition.takeFirst === undefined ? {} : { takeFirst: definition.takeFirst }),
  };
}

/**
 * Declares a route with streams: the handler produces `output` and consumes `input`. A capacity is a credit window in
 * items: a number is a fixed window; a {@link CreditWindow} grows while the consumer keeps up. Default: 16, growing to
 * 16 384. Either kind of window also holds at most `maxBytes`, by default 8 MiB; one item may always be in flight.
 *
 * rxgrid hosts announce their windows to each other and use the smaller of two that differ. A reference peer announces
 * none: towards such a peer a window never grows, and the capacities must equal those in the peer's own table. Declare
 * them as numbers: if this side's `outCapacity` is larger than the table's, the peer loses items without an error. The
 * event `capacity-assumed` names the routes that declare none and are used with such a peer.
 *
 * The definition may be spread from another route (`duplex({ ...watch, name: 'watch2' })`): the windows of that route
 * are kept unless `inCapacity` or `outCapacity` is given.
 *
 * @throws ConfigurationError for an invalid id, name, shape or capacity, and for an unknown property.
 */
export function duplex<
  Q extends Shape = TypeOnly<void>,
  I extends Shape | undefined = undefined,
  O extends Shape = TypeOnly<never>,
  const E extends readonly AnyErrorClass[] = readonly [],
>(
  definition: RouteDefinition<E> & { request?: Q; output?: O; outCapacity?: number | CreditWindow } & ([I] extends [
      undefined,
    ]
      ? { input?: undefined; inCapacity?: 0 }
      : { input: I; inCapacity?: number | CreditWindow }),
): Duplex<Q, I, O, E> {
  checkDefinition(definition, duplexRules);
  const { input, inCapacity, outCapacity } = definition;
  // Present if the definition is spread from another route.
  const what = describeDefinition(definition);
  const { inWindow, outWindow } = definition as Partial<Pick<Duplex<Q, I, O>, 'inWindow' | 'outWindow'>>;
  if (input === undefined && inCapacity !== undefined && inCapacity !== 0) {
    throw new ConfigurationError(
      `${what}: an inCapacity needs an input. Declare the input's shape, or leave inCapacity out.`,
    );
  }
  return {
    ...baseOf(definition),
    kind: 'duplex',
    request: definition.request ?? (nothing as Shape as Q),
    input: input as I,
    output: definition.output ?? (nothing as Shape as O),
    inWindow: input === undefined ? undefined : windowOf(inCapacity, inWindow, `${what}: inCapacity`),
    outWindow: windowOf(outCapacity, outWindow, `${what}: outCapacity`),
  };
}

const items = whole(1, 0x7fff_ffff, 'items');
const windowRules: Readonly<Record<keyof CreditWindow, Rule>> = {
  initial: items,
  max: items,
  maxBytes: whole(1, 0x7fff_ffff, 'bytes'),
};

/**
 * Converts a capacity option to a window. @throws ConfigurationError if it is invalid; `what` names the option in the
 * message.
 */
export function toWindow(capacity: number | CreditWindow | undefined, what: string): Required<CreditWindow> {
  if (capacity === undefined) return defaultWindow;
  if (typeof capacity === 'number') {
    checkOption(what, capacity, items);
    return { initial: capacity, max: capacity, maxBytes: defaultWindow.maxBytes };
  }
  checkOptions(capacity, windowRules, { of: what, required: ['initial', 'max'] });
  const { initial, max, maxBytes = defaultWindow.maxBytes } = capacity;
  const window = { initial, max, maxBytes };
  if (window.max < window.initial) {
    throw new ConfigurationError(
      `${what}: max ${String(window.max)} is below initial ${String(window.initial)}. Raise max.`,
    );
  }
  return window;
}

function windowOf(
  capacity: number | CreditWindow | undefined,
  spread: Required<CreditWindow> | undefined,
  what: string,
): Required<CreditWindow> {
  // The default stays the same object: AssumedCapacities recognizes it by identity.
  return capacity === undefined && spread === defaultWindow ? defaultWindow : toWindow(capacity ?? spread, what);
}

/** The name of a route in errors and events. */
export function describeRoute(route: RouteBase): string {
  return route.subroute === undefined ? route.name : `${route.name}/${route.subroute}`;
}

// The extra property distinguishes an absent shape from `type<…>()`: the handler of a route without an output may
// return nothing.
const nothing: TypeOnly<void> & { readonly nothing: true } = { typeOnly: true, nothing: true };

/** True for the shape of an absent request, response or output. */
export function isNothing(shape: Shape): boolean {
  return 'nothing' in shape;
}

function baseOf<E extends readonly AnyErrorClass[]>(definition: RouteDefinition<E>): RouteBase<E> {
  const { id, name = '', subroute, idempotent, errors, timeout, waitForConnect, retry } = definition;
  return {
    name,
    ...(id === undefined ? {} : { id }),
    ...(subroute === undefined ? {} : { subroute }),
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(errors === undefined ? {} : { errors }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(waitForConnect === undefined ? {} : { waitForConnect }),
    ...(retry === undefined ? {} : { retry }),
  };
}

const shape: Rule = {
  expected: 'a shape: type<T>(), raw, another codec, or a schema of zod, valibot or arktype',
  accepts: isShape,
  hint: (value) => {
    const names = [String, Number, Boolean, Date, Array] as readonly unknown[];
    const types = ['string', 'number', 'boolean', 'Date', 'unknown[]'];
    return ` Write type<${types[names.indexOf(value)] ?? 'T'}>(), or leave the property out if there is no payload.`;
  },
};

// Ids, names and windows are checked elsewhere, with more specific messages.
const baseRules: Readonly<Record<string, Rule>> = {
  id: anything,
  name: anything,
  subroute: { expected: 'a string', accepts: (value) => typeof value === 'string' },
  idempotent: oneOf(true, false),
  errors: {
    expected: 'a list of error classes, each made by defineError(…)',
    accepts: (value) => Array.isArray(value) && value.every(isErrorClass),
  },
  ...routeDefaultsRules,
  request: shape,
};
// `kind` and the windows are present if the definition is spread from another route.
const unaryRules = { ...baseRules, kind: oneOf('unary'), response: shape, takeFirst: oneOf(true, false) };
const duplexRules = {
  ...baseRules,
  kind: oneOf('duplex'),
  input: shape,
  output: shape,
  inCapacity: anything,
  outCapacity: anything,
  inWindow: anything,
  outWindow: anything,
};

// A route without a name gets one from its group. Only a name that is left out counts as such.
function checkDefinition(
  definition: RouteDefinition<readonly AnyErrorClass[]>,
  rules: Readonly<Record<string, Rule>>,
): void {
  const what = describeDefinition(definition);
  checkOptions(definition, rules, { of: what });
  const { id, name, subroute, errors = [], retry } = definition;
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new ConfigurationError('A route needs a name.');
  if (subroute === '') {
    throw new ConfigurationError(`${what}: a subroute must not be empty. Leave it out, or give it a name.`);
  }
  checkId(id, what);
  if (retry !== undefined) checkRetryOptions(retry, `${what}: retry`);
  const codes = errors.map(({ code }) => code);
  const twice = codes.find((code, index) => codes.indexOf(code) !== index);
  if (twice !== undefined) throw new ConfigurationError(`${what} names two errors of the code ${twice}.`);
}

function describeDefinition({ name }: { readonly name?: unknown }): string {
  return typeof name === 'string' && name !== '' ? `Route ${name}` : 'A route without a name';
}

function isErrorClass(value: unknown): boolean {
  return typeof value === 'function' && typeof (value as { code?: unknown }).code === 'string' && 'shape' in value;
}

/** @throws ConfigurationError for a handler id that is not available to users. */
export function checkId(id: number | undefined, what: string): void {
  if (id === undefined) return;
  if (!Number.isInteger(id) || id < 1 || id > 255) {
    throw new ConfigurationError(
      `${what}: the id must be a whole number from 1 to ${String(firstReservedId - 1)}; it is ${String(id)}.`,
    );
  }
  if (id >= firstReservedId) {
    throw new ConfigurationError(
      `${what}: the ids ${String(firstReservedId)} to 255 are reserved for rxgrid. Use a lower one.`,
    );
  }
}
