/** An item that was given up. */
export interface Drop<T> {
  readonly value: T;
  /** Items given up so far, this one included, in this subscription. */
  readonly dropped: number;
}

/** Who hears of drops: an observer, such as a Subject. */
export interface DropObserver<T> {
  next(drop: Drop<T>): void;
}
