import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { PassThrough, type Readable } from 'node:stream';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HostConsole } from '../../../hypervisor/host/console.ts';
import type { HostInterrupt } from '../../../hypervisor/ports.ts';
import { INTERRUPT } from '../../../log-format/index.ts';
import { bundleForNode } from './bundle-for-node.ts';

const CHILD = `
  import { HostConsole } from 'hypervisor/host/console.ts';
  const [mode, argument] = process.argv.slice(2);
  const seen = [];
  const console = new HostConsole({
    onInterrupt: (interrupt) => {
      const { kind, id, payload } = interrupt;
      seen.push(payload === undefined ? [kind, id] : [kind, id, Buffer.from(payload).toString()]);
      if (mode === 'signal' || kind === 5) finish();
    },
    onLost: (error) => seen.push(['lost', error.code]),
  });
  const release = (fd, text) => console.release({ device: 'console', fd, bytes: Buffer.from(text) });
  const finish = () => {
    release(1, JSON.stringify(seen));
    console.close();
    process.exit(0);
  };
  if (mode === 'write') {
    // Looking at process.stdout makes the descriptor non-blocking, as in any larger program.
    if (process.stdout.isTTY) throw new Error('not a pipe');
    for (let line = 0; line < Number(argument); line++) release(1, line + 'x'.repeat(1015) + '\\n');
    release(2, 'done');
    console.close();
    process.exit(0);
  }
  if (mode === 'full') {
    release(1, 'x');
    release(1, 'y');
    release(2, JSON.stringify(seen));
    process.exit(0);
  }
  if (mode === 'stdin') console.release({ device: 'stdin', on: true });
  if (mode === 'signal') {
    console.release({ device: 'signal', number: Number(argument), on: true });
    console.release({ device: 'signal', number: 9, on: true });
    setInterval(() => {}, 1000);
    release(2, 'ready');
  }
`;

let script = '';
beforeAll(async () => {
  script = await bundleForNode('console-child', CHILD);
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(
  args: readonly string[],
  stdio: readonly [number | 'pipe' | 'ignore', number | 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'],
): ChildProcess {
  const child = spawn(process.execPath, [script, ...args], { stdio: [...stdio] });
  children.push(child);
  return child;
}

async function textOf(stream: Readable | null): Promise<string> {
  let text = '';
  if (stream) for await (const chunk of stream) text += String(chunk);
  return text;
}

describe('console output', () => {
  // 64 lines fit a pipe; 512 wait in the queue; 3,000 are more than the queue holds.
  test.each([64, 512, 3_000])('of %i KiB is complete although an exit follows', async (lines) => {
    const child = start(['write', String(lines)]);
    const [out, error, [code]] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      once(child, 'exit'),
    ]);
    expect([code, error]).toEqual([0, 'done']);
    const numbers = out.split('\n').map((line) => Number.parseInt(line, 10));
    expect(numbers.slice(0, -1)).toEqual(Array.from({ length: lines }, (_, line) => line));
    expect(out.length).toBeGreaterThan(lines * 1_000);
  });

  test('to a reader that has gone ends quietly', async () => {
    const child = start(['write', '3000']);
    child.stdout?.destroy();
    const [error, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')]);
    expect([code, error]).toEqual([0, 'done']);
  });

  test('to a full disk is reported once', async () => {
    const child = start(['full'], ['ignore', openSync('/dev/full', 'w'), 'pipe']);
    expect(await textOf(child.stderr)).toBe('[["lost","ENOSPC"]]');
  });
});

describe('standard input', () => {
  test('from a pipe is delivered up to its end', async () => {
    const child = start(['stdin']);
    child.stdin?.end('hello');
    expect(JSON.parse(await textOf(child.stdout))).toEqual([
      [INTERRUPT.stdinData, 0, 'hello'],
      [INTERRUPT.stdinEnd, 0],
    ]);
  });

  test('from a file is delivered up to its end', async () => {
    const child = start(['stdin'], [openSync(script, 'r'), 'pipe', 'pipe']);
    const seen = JSON.parse(await textOf(child.stdout)) as [number, number, string][];
    expect(seen.at(-1)).toEqual([INTERRUPT.stdinEnd, 0]);
    const input = seen.slice(0, -1).map(([, , text]) => text);
    expect(input.join('')).toBe(readFileSync(script, 'utf8'));
  });

  test('that is nothing ends at once', async () => {
    const child = start(['stdin'], ['ignore', 'pipe', 'pipe']);
    expect(JSON.parse(await textOf(child.stdout))).toEqual([[INTERRUPT.stdinEnd, 0]]);
  });

  test('is read only while the guest wants it and the backup can take it', async () => {
    const seen: HostInterrupt[] = [];
    const stdin = new PassThrough();
    let opened = 0;
    const console = new HostConsole({
      onInterrupt: (interrupt) => seen.push(interrupt),
      openStdin: () => {
        opened += 1;
        return stdin;
      },
    });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    stdin.write('a');
    await turn();
    expect([opened, seen.length]).toEqual([0, 0]);
    console.release({ device: 'stdin', on: true });
    await once(stdin, 'data');
    console.release({ device: 'stdin', on: false });
    stdin.write('b');
    await turn();
    expect(seen.length).toBe(1);
    console.throttle(true);
    console.release({ device: 'stdin', on: true });
    await turn();
    expect(seen.length).toBe(1);
    console.throttle(false);
    await once(stdin, 'data');
    expect(seen.map(({ payload }) => String.fromCharCode(payload?.[0] ?? 0))).toEqual(['a', 'b']);
    expect(opened).toBe(1);
    console.close();
    stdin.write('c');
    await turn();
    expect(seen.length).toBe(2);
  });

  test('is cut to 64 KiB pieces that share no memory', async () => {
    const seen: HostInterrupt[] = [];
    const stdin = new PassThrough();
    const console = new HostConsole({
      onInterrupt: (interrupt) => seen.push(interrupt),
      openStdin: () => stdin,
    });
    console.release({ device: 'stdin', on: true });
    stdin.end(Buffer.alloc(150_000, 5));
    await once(stdin, 'end');
    expect(seen.map(({ payload }) => payload?.length)).toEqual([65_536, 65_536, 18_928, undefined]);
    expect(seen[2]?.payload?.buffer.byteLength).toBe(18_928);
  });
});

describe('signals', () => {
  test('the guest listens for become interrupts, and SIGKILL is nobody’s to listen for', async () => {
    const child = start(['signal', String(constants.signals.SIGUSR2)]);
    await once(child.stderr as Readable, 'data');
    child.kill('SIGUSR2');
    const seen = JSON.parse(await textOf(child.stdout));
    expect(seen).toEqual([[INTERRUPT.signal, constants.signals.SIGUSR2]]);
  });

  test('are passed to the main thread where there is one to ask', () => {
    const asked: [number, boolean][] = [];
    const console = new HostConsole({
      onInterrupt: () => {},
      onSignal: (number, on) => asked.push([number, on]),
    });
    const before = process.listenerCount('SIGTERM');
    console.release({ device: 'signal', number: 15, on: true });
    console.release({ device: 'signal', number: 15, on: false });
    expect(asked).toEqual([
      [15, true],
      [15, false],
    ]);
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  test('listened for here are given back', () => {
    const console = new HostConsole({ onInterrupt: () => {} });
    const before = process.listenerCount('SIGUSR2');
    const { SIGUSR2: number } = constants.signals;
    console.release({ device: 'signal', number, on: true });
    console.release({ device: 'signal', number, on: true });
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
    console.close();
    expect(process.listenerCount('SIGUSR2')).toBe(before);
  });
});
