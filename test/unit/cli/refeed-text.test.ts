import { describe, expect, test } from 'vitest';
import { findingText, verdictText } from '../../../hypervisor/cli/refeed-text.ts';
import type { Place } from '../../../hypervisor/timeline/guest-state.ts';
import type { Finding } from '../../../hypervisor/timeline/refeed.ts';
import {
  type Closing,
  type Side,
  StreamComparer,
} from '../../../hypervisor/timeline/stream-comparer.ts';
import { asLsn, asMicros } from '../../../log-format/index.ts';
import { Recording, refeed } from '../../support/refeed-lab.ts';

const START = asMicros(1_000_000);
const at = (lsn: number): Place => ({ lsn: asLsn(lsn), time: asMicros(START + lsn * 1000) });

type Sent = { readonly [S in Side]: string | Uint8Array };

function textOf(sent: Sent, closings: { readonly [S in Side]?: Closing } = {}): string[] {
  const comparer = new StreamComparer(undefined);
  for (const side of ['recorded', 'replayed'] as const) {
    const bytes = sent[side];
    comparer.write(
      side,
      typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes,
      at(3),
    );
    const how = closings[side];
    if (how !== undefined) comparer.close(side, how, at(4));
    comparer.finish(side);
  }
  const difference = comparer.result();
  const common = { type: 'stream', connection: true, onlyIn: undefined, first: at(3) } as const;
  const finding: Finding = { ...common, name: 'connection 2', difference };
  return findingText(finding, 'new.js', START).split('\n');
}

/** The characters of both sides over the caret. */
function underCaret(lines: readonly string[]): string {
  const caret = lines[3]?.indexOf('^') ?? -1;
  return [lines[1], lines[2]].map((line) => [...(line ?? '')][caret]).join('');
}

describe('a difference in words', () => {
  test('has its caret under the first character that differs, behind escapes too', () => {
    expect(underCaret(textOf({ recorded: 'a\r\n\u0007"b1', replayed: 'a\r\n\u0007"b2' }))).toBe(
      '12',
    );
    expect(underCaret(textOf({ recorded: 'größer', replayed: 'größen' }))).toBe('rn');
  });

  test('shows characters whole that differ in their second byte', () => {
    const lines = textOf({ recorded: 'preis ä.', replayed: 'preis ö.' });
    expect(lines[1]).toContain('"preis ä."');
    expect(lines[2]).toContain('"preis ö."');
    expect(underCaret(lines)).toBe('äö');
    expect(lines[3]).toContain('^ first difference at byte 7');
  });

  test('never lets a stream write control characters to a terminal', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const c1 = '\u009b31m\u202e\u2066';
    for (const some of [bytes.subarray(0, 60), bytes.subarray(100, 160), c1]) {
      const said = textOf({ recorded: some, replayed: 'x' }).join('');
      expect(said).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u);
    }
  });

  test('says which side goes on, and how each ended', () => {
    expect(textOf({ recorded: 'same', replayed: 'same, and more' })[0]).toBe(
      'connection 2: the same up to byte 4, where only replayed goes on',
    );
    expect(
      textOf({ recorded: 'a', replayed: 'a' }, { recorded: 'end', replayed: 'reset' }),
    ).toEqual([
      'connection 2: the same bytes; recorded ends it, replayed resets it',
      '      recorded 1 byte in all; replayed 1 byte in all',
    ]);
  });

  test('is counted in the verdict', () => {
    const recording = new Recording("console.log('a');");
    expect(verdictText(refeed(recording, "console.log('a');").report)).toBe(
      'no difference in 0 connections, 2 bytes (1 turn)',
    );
    expect(verdictText(refeed(recording, "console.log('b');").report)).toBe(
      'DIFFERENT: 1 difference; of 0 connections 0 the same, 0 different',
    );
  });
});
