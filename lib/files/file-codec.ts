import { CodecError, ProtocolError } from '../errors.js';
import { minRegionFrameBytes } from '../bounds.js';
import { keep } from '../lent.js';
import { notePipeable, notePipedItem, pipedIn, type PipedPayload } from '../piped.js';
import { isBytes, keepsPayload, type KeepingCodec, type RegionCodec } from '../codec/codec.js';
import {
  decodeFileItem,
  encodeFileData,
  encodeFileEnd,
  encodeFileError,
  encodeFileHeader,
  FileKind,
  type FileItem,
} from './file-item.js';
import { encodePack } from './file-pack.js';

/**
 * The shape of a stream of files: `duplex({ name: 'read', request: type<Query>(), output: fileItems })`. A handler may
 * return file regions, which are sent as items; the receiver gets the items. The bytes of a data item are a view into
 * the received message.
 */
export const fileItems: RegionCodec<FileItem> = {
  codec: 'files',
  [keepsPayload]: true,
  regions: 'files',
  encode: (item) => {
    // TypeScript cannot check what comes from an untyped source.
    if (typeof (item as unknown) !== 'object' || (item as unknown) === null) throw notAnItem();
    switch (item.kind) {
      case 'header':
        return encodeFileHeader(item);
      case 'data':
        if (!isBytes(item.bytes)) throw notAnItem();
        return encodeFileData(item.bytes);
      case 'end':
        return encodeFileEnd(item);
      case 'error':
        return encodeFileError(item);
      case 'pack':
        return encodePack(FileKind.Pack, item.files);
      default:
        throw notAnItem();
    }
  },
  decode: (bytes) => {
    try {
      // Its bytes are written after this returns.
      const kept = keep(bytes);
      const piped = pipedIn(kept);
      if (piped !== undefined) return pipedData(piped);
      const item = decodeFileItem(kept);
      if (kept.length >= minRegionFrameBytes) notePipeable(item);
      return item;
    } catch (error) {
      // A malformed item is the fault of the peer, and is reported to it.
      if (error instanceof ProtocolError) throw new CodecError(error.message, { cause: error });
      throw error;
    }
  },
} as KeepingCodec<FileItem>;

/** The item of a payload in a pipe, which is always data. */
function pipedData(piped: PipedPayload): FileItem {
  const item: FileItem = {
    kind: 'data',
    get bytes() {
      return piped.load();
    },
  };
  notePipedItem(item, piped);
  return item;
}

function notAnItem(): CodecError {
  return new CodecError(
    'An item of a stream of files must be a header, data with bytes, an end, an error or a pack, as FileItem describes them.',
  );
}
