import type { Observable, Subscription } from 'rxjs';
import type { Delivery } from './delivery.js';

/**
 * An async iterator over deliveries: the credit of an item returns when the loop asks for the next one. Leaving the loop
 * unsubscribes. Nothing is subscribed to before the first `next()`.
 */
export class DeliveryIterator<T> implements AsyncGenerator<T, void, void> {
  readonly #deliveries: Observable<Delivery<T>>;
  #subscription: Subscription | undefined = undefined;
  #waiting: Delivery<T>[] = [];
  #taken: Delivery<T> | undefined = undefined;
  #ended = false;
  #error: { readonly reason: unknown } | undefined = undefined;
  #asked: { resolve(result: IteratorResult<T, void>): void; reject(reason: unknown): void }[] = [];

  constructor(deliveries: Observable<Delivery<T>>) {
    this.#deliveries = deliveries;
  }

  next(): Promise<IteratorResult<T, void>> {
    try {
      this.#start();
    } catch (refusal) {
      this.#ended = true;
      return Promise.reject(refusal);
    }
    this.#releaseTaken();
    const delivery = this.#waiting.shift();
    if (delivery !== undefined) return Promise.resolve(this.#take(delivery));
    if (this.#error !== undefined) {
      const { reason } = this.#error;
      this.#error = undefined;
      return Promise.reject(reason);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<T, void>> {
    this.#stop();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(reason: unknown): Promise<IteratorResult<T, void>> {
    this.#stop();
    return Promise.reject(reason);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #start(): void {
    if (this.#subscription !== undefined || this.#ended) return;
    this.#subscription = this.#deliveries.subscribe({
      next: (delivery) => {
        const asked = this.#asked.shift();
        if (asked === undefined) this.#waiting.push(delivery);
        else asked.resolve(this.#take(delivery));
      },
      error: (reason: unknown) => {
        this.#ended = true;
        const [first, ...others] = this.#asked;
        this.#asked = [];
        if (first === undefined) this.#error = { reason };
        else first.reject(reason);
        for (const asked of others) asked.resolve({ done: true, value: undefined });
      },
      complete: () => {
        this.#ended = true;
        this.#answerDone();
      },
    });
  }

  #stop(): void {
    this.#ended = true;
    this.#error = undefined;
    this.#releaseTaken();
    for (const delivery of this.#waiting.splice(0)) delivery.release();
    this.#subscription?.unsubscribe();
    this.#answerDone();
  }

  #take(delivery: Delivery<T>): IteratorResult<T, void> {
    // Two calls of `next` without waiting: the earlier item counts as done.
    this.#releaseTaken();
    this.#taken = delivery;
    return { done: false, value: delivery.value };
  }

  #releaseTaken(): void {
    this.#taken?.release();
    this.#taken = undefined;
  }

  #answerDone(): void {
    for (const asked of this.#asked.splice(0)) asked.resolve({ done: true, value: undefined });
  }
}
