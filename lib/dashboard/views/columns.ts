import { shortHost } from '../parts/format.js';
import { hostLink, nameText, routeLink } from '../parts/parts.js';
import type { Column } from '../parts/table.js';

/** The route of a row, as a link to its form. */
export const routeColumn: Column<{ readonly host: string; readonly route: string }> = {
  key: 'route',
  label: 'Route',
  title: 'Name of the route',
  width: 18,
  cell: ({ host, route }) => routeLink(host, route),
  value: ({ route }) => route,
};

/** The host whose figures a row has. */
export function hostColumn(width: number): Column<{ readonly host: string }> {
  return {
    key: 'host',
    label: 'Host',
    title: 'Host that counts',
    width,
    cell: ({ host }) => hostLink(host),
    value: ({ host }) => host,
  };
}

/** The host or the leaf at the other end. */
export function peerColumn(width: number): Column<{ readonly peer: string }> {
  return {
    key: 'peer',
    label: 'Peer',
    title: 'Host or leaf at the other end',
    width,
    cell: ({ peer }) => nameText(shortHost(peer)),
    value: ({ peer }) => peer,
  };
}
