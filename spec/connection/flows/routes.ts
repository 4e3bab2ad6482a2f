import { duplex, raw, type, unary } from '../../../lib/index.js';

/** The routes of the flows. */
export const add = unary({ id: 1, name: 'add', request: type<readonly number[]>(), response: type<number>() });
export const count = duplex({ id: 2, name: 'count', request: type<number>(), output: type<number>(), outCapacity: 2 });
export const upper = duplex({
  id: 3,
  name: 'upper',
  input: type<string>(),
  output: type<string>(),
  inCapacity: 2,
  outCapacity: 2,
});
export const upload = duplex({ id: 4, name: 'upload', input: raw, output: type<number>(), inCapacity: 2 });
