import { shareConnection } from '../../lib/shared/index.js';

/* The SharedWorker of shared.spec.ts. Its name is the interval of its pings and the URL of the host. */

const { name } = globalThis as unknown as { readonly name: string };
const [interval, url] = name.split(' ', 2) as [string, string];
shareConnection(url, { limits: { connectionPingInterval: Number(interval) } });
