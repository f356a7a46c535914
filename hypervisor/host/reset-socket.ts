/** Resetting a TCP connection, whatever state its socket is in. */

import type { Socket } from 'node:net';

/**
 * Sends RST and destroys the socket. While the FIN of `end()` is under way libuv refuses to reset, and Node then
 * leaves the descriptor open for ever: such a socket is reset once the FIN is out. A socket that is still
 * connecting has nobody to tell.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  const finUnderWay =
    socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (socket.connecting) socket.destroy();
  else if (finUnderWay) socket.once('finish', () => resetSocket(socket));
  else socket.resetAndDestroy();
}
