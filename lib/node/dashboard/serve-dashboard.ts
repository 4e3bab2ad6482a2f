import { checkOptions, someText, type Rule } from '../../check.js';
import { ConfigurationError } from '../../errors.js';
import type { Manager } from '../server/manager.js';
import { packagedPage, type PageFiles } from './page-files.js';
import { pageResponder } from './page-responder.js';

/** Options of {@link serveDashboard}. */
export interface ServeDashboardOptions {
  /** Path of the page at the HTTP server of the manager. Default `/dashboard`. */
  readonly path?: string;
  /**
   * Name of the cluster, which the page shows as its title. Everybody who can reach the port can read it. Default:
   * none.
   */
  readonly title?: string;
}

const rules: Readonly<Record<keyof ServeDashboardOptions, Rule>> = {
  path: {
    expected: "a path such as '/dashboard', without a slash at its end",
    accepts: (value) => typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value),
  },
  title: someText,
};

/**
 * Serves the dashboard: a page that joins as a leaf, and shows what the monitor of this host reports, and, where the
 * option `relay` lets it, of the others.
 *
 * The page is the same for everybody and needs no token to be loaded. The figures do: the manager's
 * `leaves.authenticate` decides about the token that the page is given, `authorize` of `serveMonitor` about its
 * readers, `relay.authorize` about what may be seen and called of other hosts, and `leaves.origins`, where given, must
 * contain the origin of the page.
 *
 * The page has the HTTP server of `listen()` or `attach()`; call this before or after them.
 *
 * @throws ConfigurationError for an option that cannot work, for a manager that takes no leaves, for a path that is in
 * use, and where the files of the page are not in the package, as after a bundler.
 *
 * @example
 * serveMonitor(grid, { authorize: ({ caller }) => caller === 'operator' });
 * serveDashboard(grid);
 * await grid.listen();
 */
export function serveDashboard(manager: Manager, options: ServeDashboardOptions = {}): void {
  serveDashboardFrom(manager, options, packagedPage);
}

/** The same with other files. */
export function serveDashboardFrom(manager: Manager, options: ServeDashboardOptions, files: () => PageFiles): void {
  checkOptions(options, rules, { of: 'serveDashboard' });
  const { path = '/dashboard', title = '' } = options;
  if (!manager.takesLeaves) {
    throw new ConfigurationError(
      `The dashboard joins ${manager.local} as a leaf, and that takes none: give its manager leaves: { authenticate }.`,
    );
  }
  // They are read now: an error in the listener of a request would end the process.
  const page = files();
  manager.servePage(
    path,
    pageResponder(path, page, () => ({ socketPath: manager.paths[0]!, title })),
  );
}
