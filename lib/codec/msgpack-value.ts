import { floatOf } from './float.js';
import { CodecError } from '../errors.js';

import { isRegionItem } from './region-item.js';
import { isBytes } from './codec.js';
import { pathText } from './msgpack-path.js';
import type { MsgpackBounds } from './msgpack-read.js';

const maxUint64 = 0xffff_ffff_ffff_ffffn;
const minInt64 = -0x8000_0000_0000_0000n;

/**
 * Validates a value before msgpack-lite encodes it, and removes fields that are undefined. A value without any is not
 * copied.
 *
 * @throws CodecError for values that would arrive as something else (functions, symbols, Map, Set, errors, instances of
 * classes, cycles), and for values that exceed the bounds.
 */
export function msgpackValue(value: unknown, bounds: MsgpackBounds): unknown {
  return new Preparation(bounds).value(value, 0);
}

class Preparation {
  readonly #bounds: MsgpackBounds;
  /**
   * The step from each level to the next, and the objects at the levels: for the texts of errors, and to name a cycle.
   */
  readonly #path: (string | number)[] = [];
  readonly #above: object[] = [];
  #items = 0;

  constructor(bounds: MsgpackBounds) {
    this.#bounds = bounds;
  }

  value(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        if (!isWellFormed(value)) {
          throw this.#fault(depth, 'a text has half of a surrogate pair; mend it with toWellFormed(), or send bytes');
        }
        return value;
      case 'bigint':
        if (value > maxUint64 || value < minInt64) {
          throw this.#fault(depth, 'a bigint does not fit into 64 bits; send a text or bytes');
        }
        return value;
      case 'function':
        throw this.#fault(depth, 'a function cannot be sent; leave it out');
      case 'symbol':
        throw this.#fault(depth, 'a symbol cannot be sent; send a text');
      case 'object':
        return value === null ? null : this.#object(value, depth);
      default:
        return value;
    }
  }

  #object(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#array(value, depth);
    if (isRecord(value)) return this.#record(value, depth);
    if (isBytes(value) || floatOf(value) !== undefined) return value;
    const time = timeOf(value);
    if (time !== undefined) {
      if (Number.isNaN(time)) throw this.#fault(depth, 'an invalid Date; send null');
      // msgpack-lite does not recognize one of another realm.
      return value instanceof Date ? value : new Date(time);
    }
    throw this.#fault(depth, remedy(value));
  }

  #array(value: readonly unknown[], depth: number): readonly unknown[] {
    this.#enter(value, value.length, depth);
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const element = value[i];
      this.#path[depth] = i;
      const prepared = this.value(element, depth + 1);
      if (copy === undefined && prepared !== element) copy = value.slice(0, i);
      copy?.push(prepared);
    }
    return copy ?? value;
  }

  #record(value: Readonly<Record<string, unknown>>, depth: number): Readonly<Record<string, unknown>> {
    // msgpack-lite checks this tag, and would take the object for an ArrayBuffer.
    if (Symbol.toStringTag in value) throw this.#fault(depth, remedy(value));
    const keys = Object.keys(value);
    this.#enter(value, keys.length, depth);
    let copy: Record<string, unknown> | undefined;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const field = value[key];
      this.#path[depth] = key;
      this.#key(key, depth);
      const prepared = this.value(field, depth + 1);
      if (copy === undefined && (prepared === undefined || prepared !== field)) {
        copy = {};
        for (let before = 0; before < i; before++) copy[keys[before]!] = value[keys[before]!];
      }
      if (copy !== undefined && prepared !== undefined) copy[key] = prepared;
    }
    return copy ?? value;
  }

  #key(key: string, depth: number): void {
    if (!isWellFormed(key)) throw this.#fault(depth, 'a key has half of a surrogate pair; rename it');
    if (key.startsWith('_')) {
      if (key === '__proto__') throw this.#fault(depth, 'the key __proto__ is refused by every receiver; rename it');
      // msgpack-lite recognizes 64-bit integers by these keys.
      if (key === '_isUint64BE' || key === '_isInt64BE') throw this.#fault(depth, `the key ${key} is taken; rename it`);
    }
  }

  /** Counts a container. The bound on items also ends what shares one object so often that it would never end. */
  #enter(container: object, items: number, depth: number): void {
    const { maxDepth, maxItems } = this.#bounds;
    this.#above[depth] = container;
    if (depth >= maxDepth) throw this.#tooDeep(depth);
    this.#items += items;
    if (this.#items > maxItems) {
      throw this.#fault(
        depth,
        `more than ${maxItems} items; send fewer at once, or raise maxItems: give both sides the codec msgpack({ maxItems })`,
      );
    }
  }

  #tooDeep(depth: number): CodecError {
    for (let i = 1; i <= depth; i++) {
      const first = this.#above.indexOf(this.#above[i]!);
      if (first < i) {
        const target = pathText(this.#path.slice(0, first));
        return this.#fault(i, `a cycle: it is the object at ${target} again; send a tree, with ids for references`);
      }
    }
    return this.#fault(depth, `deeper than ${this.#bounds.maxDepth} levels; send a flatter value, or raise maxDepth`);
  }

  #fault(depth: number, text: string): CodecError {
    return new CodecError(`Cannot encode the value at ${pathText(this.#path.slice(0, depth))}: ${text}.`);
  }
}

/** True for an object of no class, of any realm. */
export function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Like Object.prototype, that of another realm has no prototype.
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * The time of a Date of any realm, such as those that Node's `fs.stat` gives to a sandbox; undefined for anything else.
 */
function timeOf(value: object): number | undefined {
  try {
    return Date.prototype.getTime.call(value);
  } catch {
    return undefined;
  }
}

/** What kind of object it is, by its tag: it may be of another realm. */
const tagOf = (value: object): string => Object.prototype.toString.call(value).slice('[object '.length, -1);

function remedy(value: object): string {
  if (isRegionItem(value)) {
    return 'a file region needs a duplex route that carries files; give its contract `output: fileItems` or `raw` (`input` for sendfile)';
  }
  const tag = tagOf(value);
  if (tag === 'Error') return 'an Error cannot be sent as a value; throw it, or send its message';
  if (tag === 'Map') return 'a Map cannot be sent; send Object.fromEntries(map), or [...map]';
  if (tag === 'Set') return 'a Set cannot be sent; send [...set]';
  if (tag === 'Promise') return 'a Promise cannot be sent; await it first';
  if (tag.endsWith('Generator')) {
    return 'a generator cannot be sent; send its items: as an array, [...it], or from a duplex route, whose handler may return it';
  }
  if (ArrayBuffer.isView(value))
    return 'of typed arrays only Uint8Array can be sent; send new Uint8Array(it.buffer, …)';
  if (value instanceof ArrayBuffer) return 'an ArrayBuffer cannot be sent; send new Uint8Array(it)';
  if (tag === 'RegExp')
    return 'an instance of a class (RegExp) cannot be sent; send its source and flags, which are texts';
  if (tag === 'URL' || tag === 'URLSearchParams')
    return `an instance of a class (${tag}) cannot be sent; send its text, String(it)`;
  const name: unknown = (value.constructor as { readonly name?: unknown } | undefined)?.name;
  return `an instance of a class (${typeof name === 'string' && name !== '' ? name : 'unknown'}) cannot be sent; send ${Object.keys(value).length === 0 ? 'a plain object with what it holds' : 'a plain object, such as { ...it }'}`;
}

/** In every runtime of today, and not in the types of ES2023. */
const native = (String.prototype as { isWellFormed?: (this: string) => boolean }).isWellFormed;

/**
 * A lone surrogate has no UTF-8 form: one runtime would write U+FFFD for it, another one bytes that are not UTF-8.
 */
const isWellFormed: (text: string) => boolean =
  native === undefined ? (text) => !/\p{Surrogate}/u.test(text) : (text) => native.call(text);
