import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asLsn,
  asMicros,
  asTicks,
  decodeBatch,
  decodeValue,
  EncodeError,
  encodeBatch,
  encodeValue,
  FormatError,
  FRAME_HEAD_BYTES,
  INTERRUPT,
  type LogRecord,
  peekBatch,
} from '../../../log-format/index.ts';
import { anyBatch, batchOf, end, interrupt, STARTED_AT } from './samples.ts';

const payloadOf = (frame: Uint8Array): Uint8Array => frame.subarray(FRAME_HEAD_BYTES);
const encode = (records: LogRecord[], firstLsn = 1): Uint8Array =>
  encodeBatch(batchOf(1, firstLsn, records), STARTED_AT).bytes;

describe('batches', () => {
  it('decode to what was encoded', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const encoded = encodeBatch(batch, STARTED_AT);
        expect(decodeBatch(payloadOf(encoded.bytes), STARTED_AT)).toEqual(batch);
        expect(encoded.lastLsn).toBe(batch.firstLsn + batch.records.length - 1);
        expect(peekBatch(encoded.bytes)).toEqual(encoded);
      }),
      { numRuns: 300 },
    );
  });

  it('encode to the same bytes every time', () => {
    const records = [interrupt(5, { kind: INTERRUPT.netData, id: 2, payload: new Uint8Array(3) })];
    expect(encode(records)).toEqual(encode(records));
    expect(Buffer.from(payloadOf(encode(records))).toString('hex')).toBe(
      // [1, 1, 5, [11, 0, 2, bin 3]]
      '94010105940b0002c403000000',
    );
  });

  it('leave trailing defaults out', () => {
    expect(Buffer.from(payloadOf(encode([interrupt(0)]))).toString('hex')).toBe('94010100920200');
  });

  it('keep an empty payload apart from a missing one', () => {
    const record = interrupt(0, { kind: INTERRUPT.stdinData, payload: new Uint8Array(0) });
    const decoded = decodeBatch(payloadOf(encode([record])), STARTED_AT).records[0];
    expect(decoded).toEqual(record);
  });

  it('cost at most 24 bytes per small request beyond its own bytes', () => {
    const request = new TextEncoder().encode('GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(4));
    const records: LogRecord[] = [end(3_000_000_000)];
    for (let n = 0; n < 16; n++) {
      const changes = { kind: INTERRUPT.netData, id: 40_000 + 2 * n, payload: request };
      records.push(interrupt(3_600_000_000 + 150 * n, changes));
    }
    const beyond = encode(records, 5_000_000).length - 16 * request.length;
    expect(beyond / 16).toBeLessThanOrEqual(24);
  });

  it('own their payloads after decoding', () => {
    const record = interrupt(0, { payload: new Uint8Array([1, 2, 3]) });
    const bytes = Buffer.from(encode([record]));
    const decoded = decodeBatch(payloadOf(bytes), STARTED_AT).records[0];
    bytes.fill(0);
    const payload = decoded?.type === 'interrupt' ? decoded.payload : undefined;
    expect(payload).toEqual(new Uint8Array([1, 2, 3]));
    expect(payload?.buffer.byteLength).toBe(3);
  });

  it.each<[string, LogRecord[]]>([
    ['no records', []],
    ['times that go back', [interrupt(5), interrupt(4)]],
    ['a time before the log', [interrupt(-1)]],
    ['a fraction of a microsecond', [interrupt(0), interrupt(0.5)]],
    ['an unknown interrupt', [interrupt(0, { kind: 31 } as never)]],
    ['a negative id', [interrupt(0, { id: -1 })]],
    [
      'a turn that is not over yet',
      [{ type: 'resync', turn: asLsn(1), ticks: asTicks(1), time: STARTED_AT }],
    ],
    ['a digest beyond 32 bits', [{ ...end(1), digest: 2 ** 32 } as LogRecord]],
  ])('are refused with %s', (_name, records) => {
    expect(() => encode(records)).toThrow(EncodeError);
  });
});

describe('garbage', () => {
  const forged: [string, unknown][] = [
    ['a map', { a: 1 }],
    ['no records', [1, 1, 0]],
    ['lsn 0', [1, 0, 0, [2, 0]]],
    ['a negative epoch', [-1, 1, 0, [2, 0]]],
    ['a fractional lsn', [1, 1.5, 0, [2, 0]]],
    ['a negative delta', [1, 1, 0, [2, -1]]],
    ['an unknown kind', [1, 1, 0, [31, 0]]],
    ['a kind that is no number', [1, 1, 0, ['boot', 0]]],
    ['a record that is no array', [1, 1, 0, 2]],
    ['too few fields', [1, 1, 0, [2]]],
    ['too many fields', [1, 1, 0, [2, 0, 0, null, 0, 0]]],
    ['a payload that is text', [1, 1, 0, [2, 0, 0, 'abc']]],
    ['a turn before the log', [1, 5, 0, [32, 0, 5, 0]]],
    ['a turn after itself', [1, 5, 0, [32, 0, -1, 0]]],
    ['a digest beyond 32 bits', [1, 1, 0, [40, 1, 2 ** 32, 0, 0]]],
    ['a view of epoch 0', [1, 1, 0, [48, 0, 0, 'a', []]]],
    ['a view with a number for a backup', [1, 1, 0, [48, 0, 1, 'a', [5]]]],
    ['a stop without a reason', [1, 1, 0, [49, 0, 0]]],
    ['a time out of range', [1, 1, 2 ** 53 - 1, [2, 5]]],
    ['an lsn out of range', [1, 2 ** 53 - 1, 0, [2, 0], [2, 0]]],
  ];

  it.each(forged)('in a batch is refused: %s', (_name, value) => {
    expect(() => decodeBatch(encodeValue(value), STARTED_AT)).toThrow(FormatError);
  });

  it('is refused or decoded, and never anything else', () => {
    const attempt = (bytes: Uint8Array): void => {
      try {
        decodeBatch(bytes, asMicros(0));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    };
    const valid = payloadOf(encode([end(9), interrupt(7, { payload: new Uint8Array(9) })]));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), attempt), { numRuns: 3000 });
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), (at, byte) => {
        const changed = valid.slice();
        changed[at] = byte;
        attempt(changed);
      }),
      { numRuns: 3000 },
    );
  });

  const hostile: [string, string][] = [
    ['a length beyond the input', 'ddffffffff'],
    ['an array of many short arrays that lie', 'dd00000004dd00000004dd00000004'],
    ['a map that lies', 'dfffffffff'],
    ['bytes that lie', 'c6ffffffff00'],
    ['an extension', 'd40000'],
    ['a record definition', 'd4720091a16101'],
    ['a regular expression', 'c7047892a1612a'],
    ['a 64-bit integer', 'cf0000000000000001'],
    ['a single float', 'ca3f800000'],
    ['the unused token', 'c1'],
    ['a second value', '0101'],
    ['nothing', ''],
    ['deep nesting', `${'91'.repeat(40)}00`],
    ['endless nesting', `${'91'.repeat(100_000)}00`],
  ];

  it.each(hostile)('in a value is refused: %s', (_name, hex) => {
    expect(() => decodeValue(new Uint8Array(Buffer.from(hex, 'hex')))).toThrow(FormatError);
  });
});

describe('values', () => {
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
      fc.string({ maxLength: 80 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(fc.string({ maxLength: 40, unit: 'grapheme-ascii' }), tie('value'), {
        maxKeys: 20,
        noNullPrototype: true,
      }),
    ),
  })).value;

  it('decode to what was encoded', () => {
    fc.assert(
      fc.property(plain, (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'));
        expect(decodeValue(encodeValue(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it.each([[undefined], [{ a: undefined }], [[undefined]], [new Date(0)], [10n], [() => 1]])(
    'that are not plain are refused: %s',
    (value) => {
      expect(() => encodeValue(value)).toThrow(EncodeError);
    },
  );

  it('cannot reach a prototype', () => {
    const bytes = encodeValue({ a: 1 });
    const forged = Buffer.from('81a95f5f70726f746f5f5f81a161c3', 'hex');
    expect(bytes.length).toBeGreaterThan(0);
    expect(decodeValue(new Uint8Array(forged))).not.toHaveProperty('a');
  });
});
