/** A dropped item. */
export interface Drop<T> {
  readonly value: T;
  /** Number of items dropped in this subscription so far, including this one. */
  readonly dropped: number;
}

/** Receives dropped items: an observer, such as a Subject. */
export interface DropObserver<T> {
  /** Receives one drop. */
  next(drop: Drop<T>): void;
}
