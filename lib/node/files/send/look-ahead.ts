import { maxOpenFiles } from '../../../bounds.js';

/**
 * Works on items ahead of the consumer of the results, on as many at once as their weights allow: together at most
 * {@link maxOpenFiles}. Results come in the order of the items, each as soon as it is ready, even while the next item
 * has not come.
 */
export async function* lookAhead<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  weight: (item: T) => number,
): AsyncGenerator<R> {
  const iterator = items[Symbol.asyncIterator]();
  const results: Promise<R>[] = [];
  const weights: number[] = [];
  let ahead = 0;
  let next: Promise<IteratorResult<T>> | undefined;
  let more = true;
  try {
    while (more || results.length > 0) {
      if (more && ahead < maxOpenFiles) {
        next ??= iterator.next();
        const [first] = results;
        const item = await (first === undefined ? next : Promise.race([next, first.then(isReady, isReady)]));
        if (item !== undefined) {
          next = undefined;
          if (item.done === true) more = false;
          else {
            const result = work(item.value);
            // The consumer gets the error.
            result.catch(isReady);
            results.push(result);
            weights.push(weight(item.value));
            ahead += weights.at(-1)!;
          }
          continue;
        }
      }
      const result = await results.shift()!;
      ahead -= weights.shift()!;
      yield result;
    }
  } finally {
    next?.catch(isReady);
    if (more) await iterator.return?.();
  }
}

function isReady(): undefined {
  return undefined;
}
