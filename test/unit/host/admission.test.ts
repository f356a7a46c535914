import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Admission, type Refusal } from '../../../hypervisor/host/admission.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** As much of a socket as an admission sees. */
class FakeSocket extends EventEmitter {
  remoteAddress: string | undefined;
  readonly remotePort: number;
  bytesRead = 0;
  destroyed = false;

  constructor(remoteAddress: string | undefined, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.remoteAddress = undefined;
    this.emit('close');
  }
}

function lab(tls = false) {
  const refused: Refusal[] = [];
  const admission = new Admission({
    handshakesMax: 3,
    perOriginMax: 2,
    deadlineMs: 1_000,
    tls,
    onRefused: (reason) => refused.push(reason),
  });
  let port = 0;
  const enter = (address: string | undefined): FakeSocket => {
    port += 1;
    const socket = new FakeSocket(address, port);
    admission.admit(socket as unknown as Socket);
    return socket;
  };
  return { admission, refused, enter };
}

describe('an admission', () => {
  test('cuts who is no link by the deadline, and leaves a link alone', () => {
    const { admission, refused, enter } = lab();
    const silent = enter('10.0.0.1');
    const link = enter('10.0.0.2');
    vi.advanceTimersByTime(999);
    admission.linked(link);
    expect(silent.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect([silent.destroyed, link.destroyed]).toEqual([true, false]);
    expect(refused).toEqual(['slow']);
    expect(admission.handshakes).toBe(1);
  });

  test('cuts the oldest of the address that holds most, and never the newcomer', () => {
    const { admission, refused, enter } = lab();
    const lone = enter('10.0.0.1');
    const crowd = [enter('10.0.0.9'), enter('10.0.0.9'), enter('10.0.0.9')];
    expect(crowd.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
    const friend = enter('10.0.0.3');
    expect(crowd.map(({ destroyed }) => destroyed)).toEqual([true, true, false]);
    expect([lone.destroyed, friend.destroyed]).toEqual([false, false]);
    expect(admission.handshakes).toBe(3);
    expect(refused).toEqual(['tooMany', 'tooMany']);
  });

  test('does not count a link that has spoken', () => {
    const { admission, enter } = lab();
    const links = Array.from({ length: 5 }, () => {
      const socket = enter('10.0.0.1');
      admission.linked(socket);
      admission.spoken(socket);
      return socket;
    });
    expect(links.map(({ destroyed }) => destroyed)).not.toContain(true);
    expect(admission.handshakes).toBe(0);
  });

  test('counts a socket once, whatever else goes wrong with it', () => {
    const { admission, refused, enter } = lab();
    const socket = enter('10.0.0.1');
    admission.refuse(socket, 'stranger', { cut: false });
    admission.refuse(socket, 'malformed', { cut: false });
    vi.advanceTimersByTime(1_000);
    expect(socket.destroyed).toBe(true);
    expect(refused).toEqual(['stranger']);
  });

  test('tells a scan from a handshake that came to nothing', () => {
    const { refused, enter } = lab(true);
    enter('10.0.0.1').destroy();
    const began = enter('10.0.0.1');
    began.bytesRead = 300;
    began.destroy();
    enter(undefined);
    expect(refused).toEqual(['vanished', 'tlsHandshake', 'vanished']);
  });

  test('says nothing about links and what it cuts at its own end', () => {
    const { admission, refused, enter } = lab();
    const link = enter('10.0.0.1');
    admission.linked(link);
    const waiting = enter('10.0.0.2');
    admission.close();
    expect([link.destroyed, waiting.destroyed]).toEqual([false, true]);
    link.destroy();
    expect(refused).toEqual([]);
    expect(admission.handshakes).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
