/**
 * Counts how often properties of objects, and elements of byte arrays, are read: what a test bounds instead of a time.
 */
export class CountedReads {
  count = 0;

  /** The same bytes; each element that is read counts. Functions of the platform that take bytes do not take these. */
  bytes(bytes: Uint8Array): Uint8Array {
    return new Proxy(bytes, {
      get: (target, key) => {
        if (typeof key === 'string' && /^\d/.test(key)) this.count++;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  /** The same object, whose own properties count when they are read. */
  object<T extends object>(object: T): T {
    for (const [key, value] of Object.entries(object)) {
      let held: unknown = value;
      Object.defineProperty(object, key, {
        get: () => {
          this.count++;
          return held;
        },
        set: (next: unknown) => {
          held = next;
        },
      });
    }
    return object;
  }
}
