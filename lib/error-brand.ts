/** Begins the brand of every class of errors of the library. */
export const brandPrefix = 'rxgrid.';

/** True for an error of the class with this brand, and of its subclasses, whichever copy of the package made it. */
export function hasBrand(value: unknown, brand: string): boolean {
  return brandsOf(value).includes(brand);
}

/** The brands of the classes that an error is of. None for what is no object, or cannot be looked at. */
function brandsOf(value: unknown): string[] {
  const brands: string[] = [];
  if (typeof value !== 'object' || value === null) return brands;
  try {
    for (let at: unknown = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
      if (!Object.hasOwn(at as object, 'constructor')) continue;
      const { constructor } = at as { readonly constructor: unknown };
      if (typeof constructor !== 'function' || !Object.hasOwn(constructor, 'brand')) continue;
      const { brand } = constructor as unknown as { readonly brand: unknown };
      if (typeof brand === 'string' && brand.startsWith(brandPrefix)) brands.push(brand);
    }
  } catch {
    // A Proxy.
  }
  return brands;
}
