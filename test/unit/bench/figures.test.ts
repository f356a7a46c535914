import { describe, expect, test } from 'vitest';
import {
  type BenchResult,
  renderDemo,
  renderFigures,
  replaceSection,
} from '../../../bench/figures.ts';
import { report } from '../../../bench/overhead-report.ts';
import { Chance } from '../../../hypervisor/cli/demo/chance.ts';

const provenance = (name: string) => ({
  command: `node dist/bench/${name}.js --json`,
  cores: 2,
  node: 'v20.0.0',
  date: '2001-02-03',
});
const at = { p50: 1, p90: 2, p99: 3, max: 3, count: 20 };

function overhead(guest: 'kv' | 'cpu', connections: number): BenchResult {
  const latency = guest === 'kv' ? { latencyMs: 0.25 } : {};
  const sample = { unitsPerSecond: 100, cpuMicros: 2500, ...latency };
  const A = [sample, sample, sample];
  const D = A.map((one) => ({ ...one, cpuMicros: 5000, backupCpuMicros: 1500, backupLagMs: 4 }));
  const options = { guest, connections, provenance: provenance('overhead') };
  return report({ A, A2: A, D }, { ...options, chance: new Chance(1) });
}

const RESULTS: readonly BenchResult[] = [
  {
    bench: 'idle',
    rows: [
      {
        guest: 'listening server',
        seconds: 20,
        logBytesPerSecond: 50,
        recordsPerSecond: 2,
        primaryCpuPercent: 1.23,
        backupCpuPercent: 0.5,
      },
    ],
    provenance: provenance('idle'),
  },
  overhead('cpu', 16),
  overhead('kv', 80),
  overhead('kv', 16),
  {
    bench: 'failover',
    detect: 'lan',
    settleSeconds: 3,
    clients: 8,
    blows: { kill: { trials: 20, phasesMs: { suspected: at, 'client gap': at } } },
    answered: 12345,
    backupsDropped: 0,
    provenance: provenance('failover'),
  },
  {
    bench: 'log-size',
    arm: 'D',
    rows: [
      {
        connections: 16,
        requests: 100,
        logBytes: 9000,
        payloadBytes: 7000,
        records: 300,
        batches: 50,
        beyondPerRequest: 20,
      },
    ],
    provenance: provenance('log-size'),
  },
];

describe('the tables', () => {
  const text = renderFigures(RESULTS);

  test('come in one order, each with the command, the machine and the day', () => {
    const places = [
      '16 connections',
      '80 connections',
      'CPU-bound',
      '**Failover',
      'Log of',
      '**Idle',
    ].map((words) => text.indexOf(words));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(renderFigures(RESULTS.toReversed())).toBe(text);
    for (const name of ['overhead', 'failover', 'log-size', 'idle']) {
      expect(text).toContain(
        `\`node dist/bench/${name}.js --json\` (2 cores, Node v20.0.0, 2001-02-03)`,
      );
    }
  });

  test('have the figures as measured', () => {
    expect(text).toContain(
      '| D hv protected by a backup on this machine | 100 | 0.250 | 5000.0 + 1500.0 | ' +
        '1.000 (1.000 to 1.000) | 2.000 (2.000 to 2.000) |',
    );
    expect(text).toContain('| A hv without recording | 100 | 2.5 | - | - |');
    expect(text).toContain('both together 2.600 (2.600 to 2.600)');
    expect(text).toContain('| 20 x kill -9 | p50 | p90 | p99 | max |');
    expect(text).toContain('| suspected | 1.0 | 2.0 | 3.0 | 3.0 |');
    expect(text).toContain('12,345 replies');
    expect(text).toContain('| 16 | 90.0 | 20.0 | 2.0 |');
    expect(text).toContain('| listening server | 50 bytes/s, 0.40 kbit/s | 2.00 | 1.2 % | 0.5 % |');
  });

  test('every table has as many cells in each row', () => {
    for (const block of text.split('\n\n').filter((part) => part.startsWith('|'))) {
      const counts = new Set(block.split('\n').map((line) => line.split('|').length));
      expect(counts.size).toBe(1);
    }
  });

  test('a result that no table is for is refused', () => {
    const other = { ...RESULTS[0], bench: 'other' } as unknown as BenchResult;
    expect(() => renderFigures([other])).toThrow('unknown benchmark');
  });
});

describe('a section of the README', () => {
  const document = 'a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n';

  test('is replaced and nothing else; again with the same changes nothing', () => {
    const once = replaceSection(document, 'x', 'new $1');
    expect(once).toBe('a\n<!-- x:begin -->\nnew $1\n<!-- x:end -->\nb\n');
    expect(replaceSection(once, 'x', 'new $1')).toBe(once);
  });

  test('that is missing, doubled or the wrong way round is refused', () => {
    for (const bad of [document.replace('begin', 'other'), document + document, 'x:end']) {
      expect(() => replaceSection(bad, 'x', 'new')).toThrow('once each');
    }
    const turned = '<!-- x:end --> <!-- x:begin -->';
    expect(() => replaceSection(turned, 'x', 'new')).toThrow('once each');
  });
});

test('the sample of a demo is plain text, and never empty', () => {
  expect(renderDemo('\u001b[1mone\u001b[0m  \n two\n\n')).toBe('```text\none\n two\n```');
  expect(() => renderDemo(' \n')).toThrow('no output');
  expect(() => renderDemo('a\n```\nb')).toThrow('no output');
});
