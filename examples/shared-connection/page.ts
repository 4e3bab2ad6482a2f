// A page that shows notices. Open it in several tabs: the host sees one leaf.
import { retryOnDisconnect } from 'rxgrid';
import { connectShared } from 'rxgrid/shared';
import { watch } from './routes.js';

// #region page
const leaf = connectShared(() => new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module' }), {
  getToken: () => sessionStorage.getItem('token') ?? 'guest',
});
const notices$ = leaf.stream(watch, ['ops', 'sales']).pipe(retryOnDisconnect());
// #endregion

const element = (id: string) => document.getElementById(id)!;
leaf.state$.subscribe(({ status }) => (element('state').textContent = status));
notices$.subscribe(({ room, text }) => (element(room).textContent = text));
