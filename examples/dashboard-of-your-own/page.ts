// The page: a leaf with one stream, one chart, and the state of its connection.
import { connect, retryOnDisconnect, type GridError } from 'rxgrid';
import { filter, retry as retryAfter, scan, skip, throwError } from 'rxjs';
import { load } from './routes.js';
import { stateText } from './state-text.js';

const element = (id: string) => document.getElementById(id)!;

// #region connect
const url = location.origin.replace(/^http/, 'ws');
const leaf = connect(url, { getToken: () => sessionStorage.getItem('token') ?? 'guest' });
const connectedAgain$ = leaf.state$.pipe(
  skip(1),
  filter(({ status }) => status === 'connected'),
);
const load$ = leaf.stream(load).pipe(
  retryOnDisconnect(),
  // A refused token ends the stream, which restarts once another token is accepted.
  retryAfter({
    delay: (error: GridError) => (error.code === 'unauthenticated' ? connectedAgain$ : throwError(() => error)),
  }),
);
// #endregion

const points = 300;
load$.pipe(scan((last: readonly number[], each) => [...last.slice(1 - points), each], [])).subscribe((last) => {
  const line = last.map((value, index) => `${String(index)},${(100 - value).toFixed(1)}`).join('L');
  element('line').setAttribute('d', `M${line}`);
});

// #region state
const retry = element('retry') as HTMLButtonElement;
leaf.state$.subscribe((state) => {
  element('state').textContent = stateText(state, Date.now());
  // The host refuses the token: only another one helps.
  retry.hidden = state.status !== 'refused';
});
retry.addEventListener('click', () => {
  sessionStorage.setItem('token', prompt('Token?') ?? '');
  leaf.reconnect();
});
// #endregion
