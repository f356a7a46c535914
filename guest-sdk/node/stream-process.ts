/** What readable-stream uses of `process`: its alias in guest-sdk/aliases.json. */

import { kernel } from './kernel-hooks.ts';

/** Under this name the package looks for it. */
export const process = {
  nextTick(callback: (...args: never[]) => void, ...args: unknown[]): void {
    kernel().nextTick(callback, ...args);
  },
  get stdout(): unknown {
    return kernel().standardStreams()[0];
  },
  get stderr(): unknown {
    return kernel().standardStreams()[1];
  },
};
