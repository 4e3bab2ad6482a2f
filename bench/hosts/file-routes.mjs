// The routes of the cells of files. The window is fixed: it bounds what is on the way ahead of a small call.
import { duplex, raw, type, unary } from 'rxgrid';

export const download = duplex({ id: 1, name: 'download', request: type(), output: raw, outCapacity: 16 });
export const upload = duplex({ id: 2, name: 'upload', input: raw, inCapacity: 16, output: type() });
export const echo = unary({ id: 3, name: 'echo', request: raw, response: raw });

export const urlOf = (port) => `http://127.0.0.1:${port}`;
