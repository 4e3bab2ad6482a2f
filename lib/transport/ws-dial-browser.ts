/*
 * Dials WebSockets with the platform's own: bundlers for browsers take this file in place of `ws-dial.ts` (the field
 * `browser` of package.json), which knows the parts of Node. Both have the same behaviour in a browser.
 */

import { Observable } from 'rxjs';
import { printableUrl } from '../printable.js';
import { BrowserSocket } from './browser-socket.js';
import { messageOf } from './close-codes.js';
import type { Dial } from './socket.js';

/** Opens a WebSocket of the platform. Headers cannot be sent. */
export const dialWebSocket: Dial = (url, { maxMessageBytes }) =>
  new Observable((subscriber) => {
    const socket = new WebSocket(url);
    let handedOver = false;
    socket.onopen = () => {
      handedOver = true;
      subscriber.next(new BrowserSocket(socket, maxMessageBytes));
      subscriber.complete();
    };
    socket.onerror = (event) => {
      subscriber.error(new Error(`Dialing ${printableUrl(url)} failed: ${messageOf(event)}`));
    };
    socket.onclose = ({ code }) => {
      subscriber.error(
        new Error(`${printableUrl(url)} closed the connection while it was dialed (code ${String(code)}).`),
      );
    };
    return () => {
      if (handedOver) return;
      // A socket that is closed while it connects reports an error, which is ignored.
      socket.onclose = null;
      socket.close();
    };
  });
