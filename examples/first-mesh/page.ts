// page.ts: a leaf that calls the service, and shows the cluster
import { connect } from 'rxgrid';
import { monitor } from 'rxgrid/monitor';
import { add } from './service.js';

const show = (id: string, text: string) => (document.getElementById(id)!.textContent = text);
// What the host refuses, such as a page whose origin it does not list, is shown where the result would be.
const failed = (id: string) => ({ error: ({ message }: Error) => show(id, message) });
const host = connect('ws://127.0.0.1:9001', { token: 'token-of-ann' });
host.state$.subscribe(({ status }) => show('state', status));
host.request(add, { a: 20, b: 22 }).subscribe({ next: (sum) => show('sum', String(sum)), ...failed('sum') });
monitor(host).cluster$.subscribe({
  // The host's own name, and the other hosts as it sees them.
  next: ({ local, hosts }) =>
    show('cluster', [local, ...hosts.map((each) => `${each.host}: ${each.status}`)].join('\n')),
  ...failed('cluster'),
});
