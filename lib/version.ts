/** Version of this package, as hosts announce it to each other. */
export const version = '0.1.0';
