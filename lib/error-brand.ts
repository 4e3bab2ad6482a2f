/** Begins the brand of every class of errors of the library. */
export const brandPrefix = 'rxgrid.';

const none: readonly string[] = [];
/** Brands by prototype. A hang-up with many open calls asks a few times for each of their errors. */
const known = new WeakMap<object, readonly string[]>();

/** True for an error of the class with this brand, and of its subclasses, whichever copy of the package made it. */
export function hasBrand(value: unknown, brand: string): boolean {
  return brandsOf(value).includes(brand);
}

/** The brands of the classes that an error is of. None for what is no object, or cannot be looked at. */
function brandsOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return none;
  try {
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === null) return none;
    let brands = known.get(prototype);
    if (brands === undefined) known.set(prototype, (brands = brandsFrom(prototype)));
    return brands;
  } catch {
    // A Proxy.
    return none;
  }
}

function brandsFrom(prototype: object): readonly string[] {
  const brands: string[] = [];
  for (let at: unknown = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    if (!Object.hasOwn(at as object, 'constructor')) continue;
    const { constructor } = at as { readonly constructor: unknown };
    if (typeof constructor !== 'function' || !Object.hasOwn(constructor, 'brand')) continue;
    const { brand } = constructor as unknown as { readonly brand: unknown };
    if (typeof brand === 'string' && brand.startsWith(brandPrefix)) brands.push(brand);
  }
  return brands;
}
