/** Version of this package, as hosts tell it each other. */
export const version = '0.1.0';
