// What the host and the page have in common.
import { duplex, type, unary } from 'rxgrid';

/** The load of the host, several times a second. */
export const load = duplex({ name: 'load', output: /** @type {typeof type<number>} */ (type)() });
/** Who the caller is. */
export const whoAmI = unary({ name: 'who-am-i', response: /** @type {typeof type<string>} */ (type)() });
