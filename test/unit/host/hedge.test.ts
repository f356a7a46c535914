import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HEDGE_MS } from '../../../hypervisor/base/limits.ts';
import { firstAnswer } from '../../../hypervisor/host/hedge.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Servers that answer or fail when told to; the order in which they were asked. */
function lab(servers: number, first = 0) {
  const asked: number[] = [];
  const open: { server: number; over: AbortSignal; answer(): void; fail(): void }[] = [];
  const late = new AbortController();
  const result = firstAnswer<string>({
    servers,
    first,
    ask: (server, over) => {
      asked.push(server);
      return new Promise((resolve, reject) => {
        open.push({
          server,
          over,
          answer: () => resolve(`from ${server}`),
          fail: () => reject(new Error(`no ${server}`)),
        });
      });
    },
    late: late.signal,
  });
  result.catch(() => undefined);
  return { asked, open, late, result };
}

describe('the first answer', () => {
  test('comes from the preferred server, and nobody else is asked', async () => {
    const { asked, open, result } = lab(3, 2);
    open[0]?.answer();
    expect(await result).toEqual({ server: 2, answer: 'from 2' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([2]);
  });

  test('the next server is asked at once when one fails', async () => {
    const { asked, open, result } = lab(3, 2);
    open[0]?.fail();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual([2, 0]);
    open[1]?.answer();
    expect(await result).toMatchObject({ server: 0 });
  });

  test('silence is not waited for, and the late ones are told that it is over', async () => {
    const { asked, open, result } = lab(2);
    await vi.advanceTimersByTimeAsync(HEDGE_MS - 1);
    expect(asked).toEqual([0]);
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toEqual([0, 1]);
    open[1]?.answer();
    expect(await result).toMatchObject({ server: 1 });
    expect(open[0]?.over.aborted).toBe(true);
    open[0]?.answer();
    expect(await result).toMatchObject({ server: 1 });
  });

  test('a server that is silent is asked again, ever more seldom', async () => {
    const { asked, open, result } = lab(1);
    await vi.advanceTimersByTimeAsync(HEDGE_MS * (1 + 2 + 4));
    expect(asked).toEqual([0, 0, 0, 0]);
    open[3]?.answer();
    expect(await result).toMatchObject({ server: 0 });
  });

  test('it is none when every server has failed and nothing is under way', async () => {
    const { asked, open, result } = lab(2);
    open[0]?.fail();
    await vi.advanceTimersByTimeAsync(0);
    open[1]?.fail();
    await expect(result).rejects.toMatchObject({
      errors: [expect.objectContaining({ message: 'no 0' }), expect.any(Error)],
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([0, 1]);
  });

  test('a failure while another server is silent is waited out', async () => {
    const { open, result } = lab(2);
    await vi.advanceTimersByTimeAsync(HEDGE_MS);
    open[1]?.fail();
    await vi.advanceTimersByTimeAsync(0);
    open[0]?.answer();
    expect(await result).toMatchObject({ server: 0 });
  });

  test('nobody is asked any more when nobody waits', async () => {
    const { asked, open, late, result } = lab(3);
    late.abort(new Error('too late'));
    await expect(result).rejects.toThrow('too late');
    expect(open[0]?.over.aborted).toBe(true);
    open[0]?.fail();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([0]);
  });
});
