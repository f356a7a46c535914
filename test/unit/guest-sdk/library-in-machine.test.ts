/** The guest library on the engine it is made for: every program prints what it prints in Node. */

import { expect, test } from 'vitest';
import { runInGuest, runInNode, scripts } from './kernel-runner.ts';
import { programs } from './library-programs.ts';

for (const [name, code] of Object.entries(programs)) {
  test(`${name}: the machine prints what Node prints`, async () => {
    const file = scripts({ [`${name}.js`]: code });
    expect(await runInGuest(file)).toEqual(runInNode(file));
  });
}
