import { anything, checkOption, checkOptions, oneOf, whole, type Rule } from '../check.js';
import { ConfigurationError } from '../errors.js';
import { defaultWindow, type CreditWindow } from '../limits.js';
import type { Shape, TypeOnly } from '../codec/codec.js';

/** What every route has. */
export interface RouteBase {
  /** Handler id on the wire, 1..239. A route without one is addressed by its name, between hosts that are both rxgrid. */
  readonly id?: number;
  /** For people, and the address of a route without an id. */
  readonly name: string;
  /** A second part of the address: several routes may share an id, each with a subroute of its own. */
  readonly subroute?: string;
  /** True: calling it twice does no harm, so that operators may call again after a loss. Default false. */
  readonly idempotent?: boolean;
}

/** A route with one request and one response. Made by {@link unary}. */
export interface Unary<Q extends Shape, R extends Shape> extends RouteBase {
  readonly kind: 'unary';
  readonly request: Q;
  readonly response: R;
  /**
   * True: an Observable that the handler returns answers with its first item, and is unsubscribed then. Default false: it
   * must emit one item and complete.
   */
  readonly takeFirst?: boolean;
}

/** A route with a stream of items in one or both directions. Made by {@link duplex}. */
export interface Duplex<Q extends Shape, I extends Shape | undefined, O extends Shape> extends RouteBase {
  readonly kind: 'duplex';
  readonly request: Q;
  /** Undefined: the handler takes no input. */
  readonly input: I;
  readonly output: O;
  /** Window of the input, in items. Undefined exactly where there is no input. */
  readonly inWindow: Required<CreditWindow> | undefined;
  /** Window of the output, in items. */
  readonly outWindow: Required<CreditWindow>;
}

/** Any route. */
export type Route = Unary<Shape, Shape> | Duplex<Shape, Shape | undefined, Shape>;

/** Handler ids from here to 255 are rxgrid's own. */
const firstReservedId = 240;

/**
 * Declares a route with one request and one response: `unary({ id: 9, name: 'diskInfo', request: type<Query>(), response: type<Info>() })`.
 * Without `request` or `response` there is none.
 *
 * @throws ConfigurationError for an id or a name that cannot work.
 */
export function unary<Q extends Shape = TypeOnly<void>, R extends Shape = TypeOnly<void>>(
  definition: RouteBase & { request?: Q; response?: R; takeFirst?: boolean },
): Unary<Q, R> {
  checkBase(definition, unaryRules);
  return {
    ...baseOf(definition),
    kind: 'unary',
    request: definition.request ?? (nothing as Shape as Q),
    response: definition.response ?? (nothing as Shape as R),
    ...(definition.takeFirst === undefined ? {} : { takeFirst: definition.takeFirst }),
  };
}

/**
 * Declares a route with streams: `output` comes from the handler, `input` goes to it. A capacity is a credit window in
 * items: a number stays as it is, a {@link CreditWindow} grows while the consumer keeps up. Default: 16, growing to 16 384. A
 * window of either kind holds 8 MiB, unless it names another `maxBytes`; one item may always be on the way.
 *
 * Hosts of rxgrid tell each other their windows, and use the smaller one of two that differ. A reference peer learns none:
 * towards such a peer a window never grows, and its capacities must be those of the peer's own table. Name them as
 * numbers: where this side's `outCapacity` is larger than the table's, the peer loses items without an error. The event `capacity-assumed`
 * names the routes that declare none and are used with such a peer.
 *
 * @throws ConfigurationError for an id, a name or a capacity that cannot work.
 */
export function duplex<
  Q extends Shape = TypeOnly<void>,
  I extends Shape | undefined = undefined,
  O extends Shape = TypeOnly<never>,
>(
  definition: RouteBase & { request?: Q; output?: O; outCapacity?: number | CreditWindow } & ([I] extends [undefined]
      ? { input?: undefined; inCapacity?: 0 }
      : { input: I; inCapacity?: number | CreditWindow }),
): Duplex<Q, I, O> {
  checkBase(definition, duplexRules);
  const { name, input, inCapacity, outCapacity } = definition;
  if (input === undefined && inCapacity !== undefined && inCapacity !== 0) {
    throw new ConfigurationError(
      `Route ${name}: an inCapacity needs an input. Declare the input's shape, or leave inCapacity out.`,
    );
  }
  return {
    ...baseOf(definition),
    kind: 'duplex',
    request: definition.request ?? (nothing as Shape as Q),
    input: input as I,
    output: definition.output ?? (nothing as Shape as O),
    inWindow: input === undefined ? undefined : toWindow(inCapacity, `Route ${name}: inCapacity`),
    outWindow: toWindow(outCapacity, `Route ${name}: outCapacity`),
  };
}

const items = whole(1, 0x7fff_ffff, 'items');
const windowRules: Readonly<Record<keyof CreditWindow, Rule>> = {
  initial: items,
  max: items,
  maxBytes: whole(1, 0x7fff_ffff, 'bytes'),
};

/** Makes a window of what a user gave. @throws ConfigurationError where it cannot work; `what` names it. */
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

/** How errors and events name a route. */
export function describeRoute(route: RouteBase): string {
  return route.subroute === undefined ? route.name : `${route.name}/${route.subroute}`;
}

// `nothing` is known to this library alone: where a route has no output, its handler may return nothing.
const nothing: TypeOnly<void> & { readonly nothing: true } = { typeOnly: true, nothing: true };

/** True for the shape of what a route has none of. */
export function isNothing(shape: Shape): boolean {
  return 'nothing' in shape;
}

function baseOf({ id, name, subroute, idempotent }: RouteBase): RouteBase {
  return {
    name,
    ...(id === undefined ? {} : { id }),
    ...(subroute === undefined ? {} : { subroute }),
    ...(idempotent === undefined ? {} : { idempotent }),
  };
}

// Ids, shapes and windows have checks of their own, which say more.
const baseRules: Readonly<Record<string, Rule>> = {
  id: anything,
  name: anything,
  subroute: { expected: 'a text', accepts: (value) => typeof value === 'string' },
  idempotent: oneOf(true, false),
  request: anything,
};
// The kind is there where a definition is spread from another route.
const unaryRules = { ...baseRules, kind: oneOf('unary'), response: anything, takeFirst: oneOf(true, false) };
const duplexRules = {
  ...baseRules,
  kind: oneOf('duplex'),
  input: anything,
  output: anything,
  inCapacity: anything,
  outCapacity: anything,
};

function checkBase(definition: RouteBase, rules: Readonly<Record<string, Rule>>): void {
  const { id, name, subroute } = definition;
  if (typeof name !== 'string' || name === '') throw new ConfigurationError('A route needs a name.');
  checkOptions(definition, rules, { of: `Route ${name}` });
  if (subroute === '')
    throw new ConfigurationError(`Route ${name}: a subroute must not be empty. Leave it out, or name it.`);
  checkId(id, `Route ${name}`);
}

/** @throws ConfigurationError for a handler id that a user's route cannot have. */
export function checkId(id: number | undefined, what: string): void {
  if (id === undefined) return;
  if (!Number.isInteger(id) || id < 1 || id > 255) {
    throw new ConfigurationError(
      `${what}: the id must be a whole number from 1 to ${String(firstReservedId - 1)}; it is ${String(id)}.`,
    );
  }
  if (id >= firstReservedId) {
    throw new ConfigurationError(
      `${what}: the ids ${String(firstReservedId)} to 255 are rxgrid's own. Take one below.`,
    );
  }
}
