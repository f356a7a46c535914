/** Waits until a guest is in the middle of a turn, which nothing of it can be heard of. */

import type { HvProcess } from './hv-process.ts';

/** Resolves when a turn of `process` is under way behind `turns` others. */
export async function inATurn(process: HvProcess, { turns }: { turns: number }): Promise<void> {
  const { address } = await process.event('admin');
  for (;;) {
    // Answered by another thread than the one that runs the guest.
    const page = await (await fetch(`http://${String(address)}/metrics`)).text();
    const figure = (name: string): number =>
      Number(new RegExp(`^hv_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(page)?.[1] ?? 0);
    if (figure('guest_turns_total') >= turns && figure('guest_busy_seconds') > 0) return;
  }
}
