import { type, unary, type Handles } from 'rxgrid';

/** Books a seat of a train. */
export const book = unary({
  id: 1,
  name: 'book',
  request: type<{ seat: number; passenger: string }>(),
  response: type<string>(),
});

// #region fixed
/** Registers the handlers of the booking office. */
export function serveSeats(host: Handles): void {
  const seats = new Map<number, string>();
  host.handle(book, async ({ seat, passenger }) => {
    // Taken before the payment. In the version of the incident this came after it, and both passengers had the seat.
    if (seats.has(seat)) throw new Error(`Seat ${seat} is taken.`);
    seats.set(seat, passenger);
    await payment();
    return `${passenger} has seat ${seat}`;
  });
}
// #endregion fixed

const payment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300));
