/**
 * Encodes an item once for all streams that it goes into. While `multicast` hands an item to its subscribers, the item
 * is shared: each codec that is asked to encode it keeps the payload until the last subscriber has the item.
 *
 *     shareItem ──▶ shared: encodeOnce() encodes, or returns the payload of this codec ──deliver returns──▶ not shared
 *
 * An item that is encoded later, behind an operator that queues items, is encoded for each stream.
 */

interface Encoder {
  encode(item: unknown): Uint8Array;
}

interface SharedItem {
  readonly item: unknown;
  // Nearly always one codec: that of the handler whose streams subscribe.
  codec: Encoder | undefined;
  payload: Uint8Array | undefined;
  others: Map<Encoder, Uint8Array> | undefined;
}

let shared: SharedItem | undefined;

/** Calls `deliver`, within which {@link encodeOnce} encodes the item once for each codec. */
export function shareItem(item: unknown, deliver: () => void): void {
  const outer = shared;
  shared = { item, codec: undefined, payload: undefined, others: undefined };
  try {
    deliver();
  } finally {
    shared = outer;
  }
}

/**
 * Encodes an item, or returns the payload that this codec has made of it while it is shared. Nobody may write to the
 * bytes.
 *
 * @throws what the codec throws; nothing is kept then.
 */
export function encodeOnce(codec: Encoder, item: unknown): Uint8Array {
  const at = shared;
  // An operator between `multicast` and the stream, such as `map`, makes another item.
  if (at === undefined || !Object.is(at.item, item)) return codec.encode(item);
  if (at.codec === codec) return at.payload!;
  const kept = at.others?.get(codec);
  if (kept !== undefined) return kept;
  const payload = codec.encode(item);
  if (at.codec === undefined) {
    at.codec = codec;
    at.payload = payload;
  } else (at.others ??= new Map<Encoder, Uint8Array>()).set(codec, payload);
  return payload;
}
