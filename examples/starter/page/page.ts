import { connect, GridError } from 'rxgrid';
import { monitor } from 'rxgrid/monitor';
import { add } from '../src/service.js';

const show = (id: string, text: string) => (document.getElementById(id)!.textContent = text);
const host = connect('ws://127.0.0.1:9001', { token: 'change me too' });

host.state$.subscribe(({ status }) => show('state', status));
monitor(host).cluster$.subscribe(({ hosts }) =>
  show('cluster', hosts.map((each) => `${each.host}: ${each.status}`).join('\n')),
);
document.getElementById('form')!.addEventListener('submit', (event) => {
  event.preventDefault();
  const { value } = document.getElementById('text') as HTMLInputElement;
  host.request(add, value).subscribe({
    next: (count) => show('answer', `${count} notes`),
    error: (error: unknown) => show('answer', error instanceof GridError ? error.message : String(error)),
  });
});
