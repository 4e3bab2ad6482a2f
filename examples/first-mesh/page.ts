// page.ts: a leaf that calls the service, and shows the cluster
import { connect } from 'rxgrid';
import { monitor } from 'rxgrid/monitor';
import { add } from './service.js';

const show = (id: string, text: string) => (document.getElementById(id)!.textContent = text);
const host = connect('ws://127.0.0.1:9001', { token: 'token-of-ann' });
host.state$.subscribe(({ status }) => show('state', status));
host.request(add, { a: 20, b: 22 }).subscribe((sum) => show('sum', String(sum)));
monitor(host).cluster$.subscribe(({ hosts }) =>
  show('cluster', hosts.map((each) => `${each.host}: ${each.status}`).join('\n')),
);
