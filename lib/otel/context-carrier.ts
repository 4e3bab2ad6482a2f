import {
  diag,
  ROOT_CONTEXT,
  type Context,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import type { OutgoingCall } from '../contract/interceptor.js';
import { encodeCheckedMeta } from '../contract/options.js';
import { errorText } from '../errors.js';

type Meta = OutgoingCall['meta'];

// A propagator is generic in the carrier of a context; here the carrier is metadata.
const setter: TextMapSetter<Record<string, string>> = {
  set: (carrier, key, value) => {
    carrier[key] = value;
  },
};
const getter: TextMapGetter<Meta> = {
  get: (carrier, key) => carrier[key],
  keys: (carrier) => Object.keys(carrier),
};

/**
 * Carries the context of spans in the metadata of calls. No call fails because of it: what a propagator adds beyond the
 * bound of the metadata, as a large baggage may be, is left out, the largest entry first. That is reported once, to the
 * diagnostic logger of OpenTelemetry.
 */
export class ContextCarrier {
  readonly #propagator: TextMapPropagator;
  #reported = false;

  constructor(propagator: TextMapPropagator) {
    this.#propagator = propagator;
  }

  /** Returns a copy of the metadata of a call with the context in it. */
  inject(context: Context, meta: Meta, maxMetaBytes: number): Meta {
    const added: Record<string, string> = {};
    try {
      this.#propagator.inject(context, added, setter);
    } catch (error) {
      this.#report(`its propagator failed: ${errorText(error)}`);
    }
    const both = { ...meta, ...added };
    if (fits(both, maxMetaBytes)) return both;
    // Where the metadata of the call itself cannot be sent, the call says so.
    return fits(meta, maxMetaBytes) ? this.#addWhatFits(meta, added, maxMetaBytes) : meta;
  }

  /** The context that the metadata of a call carries. */
  extract(meta: Meta): Context {
    try {
      return this.#propagator.extract(ROOT_CONTEXT, meta, getter);
    } catch (error) {
      this.#report(`its propagator failed: ${errorText(error)}`);
      return ROOT_CONTEXT;
    }
  }

  #addWhatFits(meta: Meta, added: Meta, maxMetaBytes: number): Meta {
    const carried: Record<string, string> = { ...meta };
    const smallestFirst = Object.entries(added).sort(([, left], [, right]) => left.length - right.length);
    for (const [key, value] of smallestFirst) {
      if (fits({ ...carried, [key]: value }, maxMetaBytes)) {
        carried[key] = value;
      } else {
        const bytes = String(value.length);
        this.#report(`${key}, of ${bytes} characters, is left out: metadata may have ${String(maxMetaBytes)} bytes`);
      }
    }
    return carried;
  }

  #report(text: string): void {
    if (this.#reported) return;
    this.#reported = true;
    diag.warn(`rxgrid: the context of a call is not carried in full: ${text}. Further cases are not reported.`);
  }
}

function fits(meta: Meta, maxMetaBytes: number): boolean {
  try {
    encodeCheckedMeta(meta, maxMetaBytes);
    return true;
  } catch {
    return false;
  }
}
