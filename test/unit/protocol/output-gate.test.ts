import { describe, expect, it } from 'vitest';
import { OutputGate } from '../../../hypervisor/protocol/output-gate.ts';
import { asLsn } from '../../../log-format/index.ts';

function gateWith(...lsns: number[]): OutputGate<string> {
  const gate = new OutputGate<string>(asLsn(0));
  for (const lsn of lsns) gate.hold({ lsn: asLsn(lsn), bytes: 10, output: `o${lsn}` });
  return gate;
}

const names = (gated: readonly { readonly output: string }[]): string[] =>
  gated.map(({ output }) => output);

describe('OutputGate', () => {
  it('releases in order what is acknowledged and no more', () => {
    const gate = gateWith(3, 3, 5, 8);
    gate.produced(asLsn(8));
    expect(names(gate.release(5))).toEqual(['o3', 'o3', 'o5']);
    expect([gate.size, gate.bytes, gate.lsnReleased]).toEqual([1, 10, 5]);
  });

  it('does not report outputs as released that are still to be produced', () => {
    const gate = gateWith(3);
    gate.produced(asLsn(3));
    expect(names(gate.release(9))).toEqual(['o3']);
    expect(gate.lsnReleased).toBe(3);
  });

  it('lets go of everything produced when nobody has to acknowledge', () => {
    const gate = gateWith(3, 7);
    gate.produced(asLsn(7));
    expect(names(gate.release(Infinity))).toEqual(['o3', 'o7']);
    expect(gate.lsnReleased).toBe(7);
  });

  it('forgets on a backup what the primary let out, before and after it is replayed', () => {
    const gate = gateWith(3, 4);
    gate.forget(asLsn(6));
    gate.hold({ lsn: asLsn(6), bytes: 10, output: 'o6' });
    gate.hold({ lsn: asLsn(7), bytes: 10, output: 'o7' });
    expect(names(gate.drain())).toEqual(['o7']);
    expect(gate.bytes).toBe(0);
  });

  it('refuses an output that is out of order', () => {
    const gate = gateWith(4);
    expect(() => gate.hold({ lsn: asLsn(3), bytes: 1, output: 'late' })).toThrow(
      'order of the log',
    );
  });

  it('keeps its order over many thousands of outputs', () => {
    const gate = new OutputGate<number>(asLsn(0));
    const out: number[] = [];
    for (let lsn = 1; lsn <= 5_000; lsn++) {
      gate.hold({ lsn: asLsn(lsn), bytes: 1, output: lsn });
      gate.produced(asLsn(lsn));
      if (lsn % 7 === 0) out.push(...gate.release(lsn - 3).map(({ output }) => output));
    }
    out.push(...gate.release(5_000).map(({ output }) => output));
    expect(out).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1));
  });
});
