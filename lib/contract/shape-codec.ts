import type { StandardSchemaV1 } from '@standard-schema/spec';
import { CodecError, type SchemaIssue } from '../errors.js';
import { keep } from '../lent.js';
import { shown } from '../check.js';
import { isBytes, keepsPayload, type Codec, type PayloadCodec, type Shape } from '../codec/codec.js';

/** Issues of one error at most, and UTF-16 units of the message of each: the rest is left out. */
const maxIssues = 64;
const maxIssueLength = 1_000;

/**
 * Returns the codec of a shape. `codec` encodes what is not a codec itself; `what` names the payload in errors.
 *
 * The sender passes a schema's input and the receiver gets its output, so the receiver validates. With `checksSent` the
 * sender validates as well: then a result that does not fit the schema is reported at the handler's host, where the
 * fault is, and not only at the caller.
 */
export function codecOf(shape: Shape, codec: PayloadCodec, what: string, checksSent = false): Codec<unknown> {
  if ('codec' in shape) return ownBytes(shape);
  if ('typeOnly' in shape) return ownBytes(codec);
  return validating(shape, ownBytes(codec), what, checksSent);
}

// Values of a codec that promises nothing may share memory with the payload.
function ownBytes(codec: Codec<unknown>): Codec<unknown> {
  if (codec.inPlace === true || keepsPayload in codec) return codec;
  return {
    codec: codec.codec,
    encode: (value) => {
      const payload: unknown = codec.encode(value);
      if (isBytes(payload)) return payload;
      throw new CodecError(
        `The codec ${codec.codec} must return a Uint8Array from encode(), and returned ${shown(payload)}.`,
      );
    },
    decode: (bytes) => codec.decode(keep(bytes)),
  };
}

function validating(schema: StandardSchemaV1, codec: PayloadCodec, what: string, checksSent: boolean): Codec<unknown> {
  const validate = (value: unknown): StandardSchemaV1.Result<unknown> => {
    const result = schema['~standard'].validate(value);
    if ('then' in result) {
      // It may reject, and nobody else listens: that would end the process.
      new Promise<unknown>((resolve) => {
        resolve(result);
      }).catch(ignore);
      throw new TypeError(`${what} has a schema that validates asynchronously. Use a synchronous one.`);
    }
    return result;
  };
  const decode = (bytes: Uint8Array): unknown => {
    const result = validate(codec.decode(bytes));
    if (result.issues === undefined) return result.value;
    const issues = result.issues.slice(0, maxIssues).map(toIssue);
    const text = issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
    const more = result.issues.length - issues.length;
    if (more > 0) text.push(`and ${String(more)} more`);
    throw new CodecError(`${what} does not fit its schema: ${text.join('; ')}`, { issues });
  };
  return {
    codec: codec.codec,
    encode: (value) => {
      const payload = codec.encode(value);
      // A codec may convert an invalid value to a valid one, for example a Date to a string: the decoded value decides.
      if (checksSent && validate(value).issues !== undefined) decode(payload);
      return payload;
    },
    decode,
  };
}

function ignore(): void {
  // The call fails because its schema is asynchronous, whatever that would have found.
}

function toIssue({ path = [], message }: StandardSchemaV1.Issue): SchemaIssue {
  return {
    path: path.map((part) => {
      const key = typeof part === 'object' ? part.key : part;
      return typeof key === 'number' ? key : String(key);
    }),
    message: message.length > maxIssueLength ? `${message.slice(0, maxIssueLength)}…` : message,
  };
}
