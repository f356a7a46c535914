/** A firmware of a few lines for tests of the machine itself: runs the image as a function of traps. */

/**
 * The image is `(hv) => handlers`, where handlers may have `interrupt(kind, id, num, payload)` and
 * `step()`. `hv.print(text)` writes a line to standard output; the other traps are as they are.
 */
export const TINY_FIRMWARE: Uint8Array = new TextEncoder().encode(`(function () {
  'use strict';
  return function start(traps) {
    let handlers = {};
    traps.print = (text) => {
      const bytes = traps.encode(text + '\\n', 0);
      traps.consoleWrite(1, bytes, 0, bytes.byteLength);
    };
    const guarded = (run) => {
      try {
        return run();
      } catch (error) {
        traps.print('caught ' + error);
      }
    };
    return {
      boot(config, image, error) {
        if (error) return traps.print('compile error ' + error.message);
        handlers = guarded(() => image(traps)) || {};
      },
      dispatch(kind, id, num, payload) {
        guarded(() => handlers.interrupt && handlers.interrupt(kind, id, num, payload));
      },
      step() {
        return handlers.step ? handlers.step() : 0;
      },
      rejected(promise, reason, handled) {
        traps.print((handled ? 'handled ' : 'rejected ') + reason);
      },
    };
  };
})()`);
