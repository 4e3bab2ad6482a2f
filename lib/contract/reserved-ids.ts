/** The handler ids that the library keeps for itself: contracts of users have lower ones. */
export const reservedIds = {
  /** The routes of files, which users call as their own. */
  files: 240,
  /** The notice that another process dials under the same host name; it has no subroute. */
  duplicateHost: 241,
  /**
   * The call with which a leaf gives a new token, which has no subroute, and the routes of the monitor, which have
   * some.
   */
  control: 242,
  /** Calls that one host makes for another. */
  relay: { unary: 243, duplex: 244 },
} as const;

/** Whether the routes of a reserved id are the library's own. Those of files are not: users call them. */
export function isInternalId(id: number): boolean {
  return id > reservedIds.files && id < namedHandler;
}

/** Handler id of all routes without an id: their subroute is the route's name. */
export const namedHandler = 255;
