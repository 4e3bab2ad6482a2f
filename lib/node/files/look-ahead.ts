/**
 * Works on items ahead of who takes the results, at most `count` of them at once. Results come in the order of the items,
 * each as soon as it is there, also where the next item is long in coming. What was made and is not taken goes to `drop`.
 */
export async function* lookAhead<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  count: number,
  drop: (result: R) => void,
): AsyncGenerator<R> {
  const iterator = items[Symbol.asyncIterator]();
  const results: Promise<R>[] = [];
  let next: Promise<IteratorResult<T>> | undefined;
  let more = true;
  try {
    while (more || results.length > 0) {
      if (more && results.length < count) {
        next ??= iterator.next();
        const [first] = results;
        const item = await (first === undefined ? next : Promise.race([next, first.then(isReady, isReady)]));
        if (item !== undefined) {
          next = undefined;
          if (item.done === true) more = false;
          else {
            const result = work(item.value);
            // Who takes it hears of the error.
            result.catch(isReady);
            results.push(result);
          }
          continue;
        }
      }
      yield await results.shift()!;
    }
  } finally {
    next?.catch(isReady);
    for (const result of results) result.then(drop, isReady);
    if (more) await iterator.return?.();
  }
}

function isReady(): undefined {
  return undefined;
}
