/** The name by which a page calls the host of the shared connection: the pages do not know its URL. */
export const sharedHost = 'SharedWorker';
