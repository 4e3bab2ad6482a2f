/**
 * Calls `then` with the result of `make`, synchronously where it is not a Promise. An error of `then` is not one of
 * `make`.
 */
export function whenMade<T>(
  make: () => T | Promise<T>,
  then: (result: T) => void,
  failed: (error: unknown) => void,
): void {
  let result: T | Promise<T>;
  try {
    result = make();
  } catch (error) {
    failed(error);
    return;
  }
  if (result instanceof Promise) result.then(then, failed);
  else then(result);
}
