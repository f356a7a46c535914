/** Text in chunks: StringDecoder, TextDecoder and TextEncoder against Node's. */

import { StringDecoder as NodeDecoder } from 'node:string_decoder';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StringDecoder } from '../../../guest-sdk/node/string-decoder.ts';
import { TextDecoder, TextEncoder } from '../../../guest-sdk/web/text-encoding.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

/** Bytes rich in leads, continuations and surrogates, cut into chunks at random. */
const interesting = [
  0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0x9f, 0xf0, 0x90,
  0x98, 0xf4, 0x8f, 0xf5, 0xff, 0xfe, 0xd8, 0xdc, 0xef, 0xbb, 0xbd,
];
const chunks = fc.array(fc.array(fc.constantFrom(...interesting), { maxLength: 6 }), {
  maxLength: 6,
});

interface Named {
  readonly encoding: string;
}

interface Decoder {
  write(chunk: Uint8Array): string;
  end(chunk?: Uint8Array): string;
  readonly lastNeed: number;
  readonly lastTotal: number;
}

describe('StringDecoder', () => {
  for (const encoding of ['utf8', 'utf16le', 'base64', 'base64url', 'hex', 'latin1', 'ascii']) {
    test(`cuts ${encoding} where Node cuts it`, () => {
      const trace = (decoder: Decoder, parts: number[][]) => [
        ...parts.map((part) => [
          decoder.write(Uint8Array.from(part)),
          decoder.lastNeed,
          decoder.lastTotal,
        ]),
        decoder.end(),
        decoder.write(Uint8Array.of(0xe2)),
        decoder.end(Uint8Array.of(0x82)),
      ];
      fc.assert(
        fc.property(chunks, (parts) => {
          expect(trace(new StringDecoder(encoding), parts)).toEqual(
            trace(new NodeDecoder(encoding as BufferEncoding) as never, parts),
          );
        }),
        { numRuns: 400 },
      );
    });
  }

  test('a euro sign in three chunks comes out whole', () => {
    const decoder = new StringDecoder('utf8');
    expect([0xe2, 0x82, 0xac].map((byte) => decoder.write(Uint8Array.of(byte)))).toEqual([
      '',
      '',
      '€',
    ]);
  });

  test('strings pass, views are read, the rest is refused', () => {
    const act = (Class: typeof NodeDecoder) => [
      outcomeOf(() => new Class('nope' as never)),
      outcomeOf(() => new Class(5 as never)),
      outcomeOf(() => (new Class('UCS-2' as never) as never as Named).encoding),
      outcomeOf(() => (new Class(null as never) as never as Named).encoding),
      outcomeOf(() => new Class().write('text' as never)),
      outcomeOf(() => new Class().write(new Uint16Array([0x4141]) as never)),
      outcomeOf(() => new Class().write({} as never)),
      outcomeOf(() => new Class().end(null as never)),
    ];
    expect(act(StringDecoder as never)).toEqual(act(NodeDecoder));
  });
});

describe('TextDecoder', () => {
  const classes = [TextDecoder, globalThis.TextDecoder] as const;

  for (const label of ['utf-8', 'utf-16le', 'utf-16be', 'latin1']) {
    for (const options of [{}, { ignoreBOM: true }, { fatal: true }]) {
      test(`${label} ${JSON.stringify(options)} in chunks`, () => {
        const trace = (Class: typeof globalThis.TextDecoder, parts: number[][]) => {
          const decoder = new Class(label, options);
          // A fatal decoder is done after its first error: what follows is not defined.
          const outcomes: unknown[] = [];
          for (const part of [...parts, undefined]) {
            const input = part === undefined ? undefined : Uint8Array.from(part);
            const outcome = outcomeOf(() => decoder.decode(input, { stream: part !== undefined }));
            outcomes.push(outcome);
            if ('code' in outcome) break;
          }
          return outcomes;
        };
        /** Chunk borders inside a character are the decoder's own business: whole texts must agree. */
        const whole = (outcomes: unknown[]) =>
          outcomes
            .map((one) =>
              'value' in (one as object) ? (one as { value: string }).value : JSON.stringify(one),
            )
            .join('');
        fc.assert(
          fc.property(chunks, (parts) => {
            if (label.startsWith('utf-16') && parts.flat().length % 2 === 1) return;
            const [mine, nodes] = classes.map((Class) => whole(trace(Class as never, parts)));
            if (!Object.hasOwn(options, 'fatal')) expect(mine).toBe(nodes);
            else expect(mine?.includes('ERR_')).toBe(nodes?.includes('ERR_'));
          }),
          { numRuns: 300 },
        );
      });
    }
  }

  test('labels, options and errors', () => {
    const act = (Class: typeof globalThis.TextDecoder) => [
      ...[
        'utf8',
        ' UTF-8\n',
        'unicode-1-1-utf-8',
        'ucs-2',
        'utf-16',
        'ascii',
        'iso-8859-1',
        'nope',
        '',
      ].map((label) => outcomeOf(() => new Class(label).encoding)),
      outcomeOf(() => new Class('utf-8', 5 as never)),
      outcomeOf(() => new Class().decode(5 as never)),
      outcomeOf(() => new Class().decode('x' as never)),
      outcomeOf(() => new Class('utf-8', { fatal: true }).decode(Uint8Array.of(0xff))),
      outcomeOf(() => new Class('utf-8', { fatal: true }).decode(Uint8Array.of(0xef, 0xbf, 0xbd))),
      outcomeOf(() => new Class().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]).buffer)),
      outcomeOf(() => new Class().decode(new DataView(new Uint8Array([0x61, 0x62]).buffer, 1))),
    ];
    expect(act(TextDecoder as never)).toEqual(act(globalThis.TextDecoder));
  });
});

describe('TextEncoder', () => {
  test('encode and encodeInto agree, whatever room there is', () => {
    const act = (Class: typeof globalThis.TextEncoder) => {
      const encoder = new Class();
      const outcomes: unknown[] = [
        outcomeOf(() => encoder.encode()),
        outcomeOf(() => encoder.encode('a€\ud83d\ude00\ud800')),
        encoder.encoding,
      ];
      for (const text of ['', 'abc', 'a€b', '\ud83d\ude00x', 'x\ud83d\ude00', '\ud800a']) {
        for (let room = 0; room < 9; room++) {
          const target = new Uint8Array(room);
          outcomes.push([encoder.encodeInto(text, target), [...target]]);
        }
      }
      outcomes.push(outcomeOf(() => encoder.encodeInto(5 as never, new Uint8Array(1))));
      outcomes.push(outcomeOf(() => encoder.encodeInto('a', [] as never)));
      return outcomes;
    };
    expect(act(TextEncoder as never)).toEqual(act(globalThis.TextEncoder));
  });
});
