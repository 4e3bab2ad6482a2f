/** The views of the page, in the order of their tabs. */
export const views = ['overview', 'routes', 'streams', 'transfers', 'leaves', 'events'] as const;

export type ViewName = (typeof views)[number];

/** The view that the address of the page names: `#/routes`, `#/hosts/NAME`, `#/hosts/NAME/ROUTE`. */
export interface Place {
  readonly view: ViewName | 'host';
  readonly host?: string;
  readonly route?: string;
}

/** How a table is sorted and filtered. */
export interface TableState {
  readonly sort?: string;
  readonly descending?: boolean;
  readonly filter: string;
}

export type Theme = 'system' | 'light' | 'dark';

const themeKey = 'rxgrid-theme';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

/** The choices of the user: view, filters, order, theme. */
export class Ui {
  place: Place = placeOf(location.hash);
  paused = false;
  theme: Theme = themes.find((each) => each === localStorage.getItem(themeKey)) ?? 'system';
  /** Types of events that are shown; '' for all. */
  eventType = '';
  /** The cell of the matrix under the cursor. */
  cell: { readonly row: number; readonly column: number } | undefined = undefined;
  readonly #tables = new Map<string, TableState>();

  table(name: string): TableState {
    return this.#tables.get(name) ?? { filter: '' };
  }

  setTable(name: string, change: Partial<TableState>): void {
    this.#tables.set(name, { ...this.table(name), ...change });
  }

  /** Sorts a table by a column; by the one that it is sorted by already, in the other direction. */
  sortBy(name: string, column: string, descendingFirst: boolean): void {
    const { sort, descending = false } = this.table(name);
    this.setTable(name, { sort: column, descending: sort === column ? !descending : descendingFirst });
  }

  nextTheme(): void {
    this.theme = themes[(themes.indexOf(this.theme) + 1) % themes.length]!;
    localStorage.setItem(themeKey, this.theme);
    this.applyTheme();
  }

  applyTheme(): void {
    if (this.theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
  }
}

/** The place that the fragment of an address names; the overview where it names none. */
export function placeOf(hash: string): Place {
  const [first = '', host, route] = hash.replace(/^#\/?/, '').split('/').map(decoded);
  if (first === 'hosts' && host !== undefined && host !== '') {
    return { view: 'host', host, ...(route === undefined || route === '' ? {} : { route }) };
  }
  return { view: views.find((name) => name === first) ?? 'overview' };
}

/** The address of a host, or of one of its routes. */
export function hostAddress(host: string, route?: string): string {
  return `#/hosts/${encodeURIComponent(host)}${route === undefined ? '' : `/${encodeURIComponent(route)}`}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
