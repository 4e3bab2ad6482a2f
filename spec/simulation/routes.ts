import { duplex, raw, type, unary } from '../../lib/index.js';
import type { Duplex, Unary } from '../../lib/index.js';
import type { HandlerThrow } from './throws.js';

/** How a handler behaves: the caller says so in its request. */
export interface Script {
  /** Number of the call. */
  readonly id: number;
  /** How the handler gives its result. */
  readonly form: Form;
  /** Items of the output; for an endless one, more than anybody takes. */
  readonly items: number;
  /** Virtual ms before each item. */
  readonly pace: number;
  /** Bytes of each item. */
  readonly size: number;
  /** The handler fails before this item; -1: it does not. */
  readonly failAt: number;
  /** How the handler takes its input. */
  readonly taker: Taker;
  /** Virtual ms that the handler needs for an item of its input. */
  readonly takes: number;
  /** Virtual ms before the handler begins to take its input; what comes until then is held. */
  readonly late: number;
  /** The host that a relay calls. */
  readonly via: string;
  /** What of the handler's code throws, and at which item where an operator does. */
  readonly throws?: HandlerThrow;
  readonly throwAt?: number;
  /** Metadata that the handler must find in `call.meta`, under {@link metaKey}. */
  readonly meta?: string;
}

/** Key of the metadata of calls. */
export const metaKey = 'simulated';
/** Key of the metadata that an interceptor of the caller adds: the host that the call goes to. */
export const hopKey = 'hop';

/** How a handler, or the input of a call, gives items. */
export const forms = ['value', 'promise', 'observable', 'buffered', 'iterable', 'generator', 'readable'] as const;
export type Form = (typeof forms)[number];

/** How items are taken. */
export const takers = ['subscribe', 'consume', 'forAwait', 'readable', 'deliveries', 'autoRelease', 'chunked'] as const;
export type Taker = (typeof takers)[number];

/**
 * Small windows do not grow: there every credit can be counted, and one that is lost stops a stream. A bounded one
 * grows a little, so that a credit too many shows, and holds few bytes.
 */
export const windows = ['one', 'two', 'four', 'bounded', 'growing'] as const;
export type WindowName = (typeof windows)[number];

const capacities = {
  one: 1,
  two: 2,
  four: 4,
  bounded: { initial: 16, max: 32, maxBytes: 64 << 10 },
  growing: undefined,
} as const;
type Capacity = (typeof capacities)[WindowName];

type Shaped = ReturnType<typeof type<Script>>;
export type AskRoute = Unary<Shaped, typeof raw>;
export type ServeRoute = Duplex<Shaped, undefined, typeof raw>;
export type TalkRoute = Duplex<Shaped, typeof raw, typeof raw>;

/** A unary route with an id, and one that is addressed by its name. */
export const ask: AskRoute = unary({ id: 1, name: 'ask', request: type<Script>(), response: raw });
export const askByName: AskRoute = unary({ name: 'askByName', request: type<Script>(), response: raw });

/** Output only. */
export const serve = eachWindow((name, outCapacity, index): ServeRoute =>
  duplex({ id: 10 + index, name: `serve-${name}`, request: type<Script>(), output: raw, ...given({ outCapacity }) }),
);
/** Output of another host, passed on. */
export const relay = eachWindow((name, outCapacity, index): ServeRoute =>
  duplex({ id: 20 + index, name: `relay-${name}`, request: type<Script>(), output: raw, ...given({ outCapacity }) }),
);
/** Input, and output that does not depend on it. */
export const talk = eachWindow((name, capacity, index): TalkRoute =>
  duplex({
    id: 30 + index,
    name: `talk-${name}`,
    request: type<Script>(),
    input: raw,
    output: raw,
    ...given({ inCapacity: capacity, outCapacity: capacity }),
  }),
);
/** The input is the output. */
export const echo = eachWindow((name, capacity, index): TalkRoute =>
  duplex({
    id: 40 + index,
    name: `echo-${name}`,
    request: type<Script>(),
    input: raw,
    output: raw,
    ...given({ inCapacity: capacity, outCapacity: capacity }),
  }),
);

/** The handler's route, as a caller has it whose contract names other windows. */
export function asCallerHas<R extends ServeRoute | TalkRoute>(
  routes: Record<WindowName, R>,
  window: WindowName,
  callerWindow: WindowName = window,
): R {
  if (callerWindow === window) return routes[window];
  const known = callersRoutes.get(routes[window]) ?? new Map<WindowName, R>();
  callersRoutes.set(routes[window], known);
  const { inWindow, outWindow } = routes[callerWindow];
  const made = known.get(callerWindow) ?? { ...routes[window], inWindow, outWindow };
  known.set(callerWindow, made as R);
  return made as R;
}

const callersRoutes = new Map<object, Map<WindowName, any>>();

/** Items that may be ahead of the consumer; undefined where the window may grow. */
export function capacityOf(window: WindowName): number | undefined {
  const capacity = capacities[window];
  return typeof capacity === 'object' ? capacity.max : capacity;
}

function eachWindow<R>(make: (name: string, capacity: Capacity, index: number) => R): Record<WindowName, R> {
  return Object.fromEntries(windows.map((name, index) => [name, make(name, capacities[name], index)])) as Record<
    WindowName,
    R
  >;
}

function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
