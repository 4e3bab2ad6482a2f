// @ts-check
// The host that the pods of store.yaml run.
import { sharedSecret } from 'rxgrid';
import { closeOnSignals, hostsFromStatefulSet, Manager } from 'rxgrid/node';

const { POD_NAME = 'store-0', REPLICAS = '3', DRAIN_MS = '25000', GRID_SECRET = '' } = process.env;

// #region host
const hosts = hostsFromStatefulSet({ name: 'store', service: 'store', replicas: Number(REPLICAS), port: 9000 });
const local = `http://${POD_NAME}.store:9000`;
const grid = new Manager({ local, hosts, auth: sharedSecret(GRID_SECRET), readyQuorum: 'majority' });
await grid.listen({ health: true });
closeOnSignals(grid, { timeout: Number(DRAIN_MS) });
// #endregion
