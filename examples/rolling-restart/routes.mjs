// @ts-check
import { type, unary } from 'rxgrid';

/** Books an amount. Not idempotent: an order that is booked twice is paid twice. */
export const book = unary({
  id: 20,
  name: 'book',
  request: /** @type {import('rxgrid').TypeOnly<number>} */ (type()),
  response: /** @type {import('rxgrid').TypeOnly<string>} */ (type()),
});
