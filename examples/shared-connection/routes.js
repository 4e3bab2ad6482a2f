// The contract of the page and its host.
import { duplex, type } from 'rxgrid';

/** The notices of some rooms. */
export const watch = duplex({
  name: 'watch',
  request: /** @type {typeof type<readonly string[]>} */ (type)(),
  output: /** @type {typeof type<{ room: string, text: string }>} */ (type)(),
  outCapacity: 4,
});
