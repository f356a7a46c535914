/** Results of `hv inspect --json`: one object each. The fields are described in docs/inspect.md. */

import type { Micros } from '../../../log-format/index.ts';
import { unreachable } from '../../base/assert.ts';
import type { InspectResult, LogFacts, Place } from '../../host/inspect-words.ts';
import type { Output } from '../../ports.ts';
import { recordJson } from '../../timeline/record-words.ts';

type Json = Record<string, unknown>;

/** `command`: the line as given. */
export function resultJson(
  command: string,
  result: InspectResult,
  { place, startedAt }: { readonly place: Place; readonly startedAt: Micros },
): Json {
  const head = { command, ok: isFine(result), ...placeJson(place, startedAt) };
  switch (result.type) {
    case 'info':
      return { ...head, log: factsJson(result.facts) };
    case 'moved':
      return { ...head, moved: result.end };
    case 'evaluated': {
      const { result: one } = result;
      if (!one.ok) return { ...head, kind: one.kind, error: one.error };
      return { ...head, type: one.type, text: one.text, value: one.json };
    }
    case 'found':
      return {
        ...head,
        found: result.lsn ?? null,
        looks: result.looks,
        moved: result.end,
        error: result.error,
      };
    case 'diff':
      return {
        ...head,
        from: result.from,
        to: result.to,
        changes: result.changes,
        cut: result.cut,
      };
    case 'outputs':
      return {
        ...head,
        outputs: result.outputs.map(({ turn, output }) => ({ turn, ...outputJson(output) })),
      };
    case 'packets':
      return {
        ...head,
        packets: result.packets.map((one) =>
          one.direction === 'in'
            ? { direction: 'in', at: one.lsn, ...recordJson(one.record, startedAt) }
            : { direction: 'out', at: one.lsn, ...outputJson(one.output) },
        ),
      };
    case 'variables':
      return { ...head, variables: result.variables };
    case 'completions':
      return { ...head, completions: result.completions };
    default:
      return unreachable(result);
  }
}

export function isFine(result: InspectResult): boolean {
  if (result.type === 'evaluated') return result.result.ok;
  if (result.type === 'moved') return result.end === 'arrived' || result.end === 'none';
  return result.type !== 'found' || result.lsn !== undefined;
}

function placeJson({ lsn, ticks, micros, record, turn, halted }: Place, startedAt: Micros): Json {
  return {
    lsn,
    ticks: ticks ?? null,
    micros,
    turn: turn?.lsn ?? null,
    record: record === undefined ? null : recordJson(record, startedAt),
    halted: halted ?? null,
  };
}

export function factsJson(facts: LogFacts): Json {
  const { header, divergence, ...rest } = facts;
  const { script, hvVersion, machineVersion, startedAt } = header;
  return { script, hvVersion, machineVersion, startedAt, ...rest, divergence: divergence ?? null };
}

/** Text as it is when it is UTF-8, otherwise base64, as `hv log cat --json` does. */
function outputJson(output: Output): Json {
  if (!('bytes' in output) || typeof output.bytes === 'number') return { ...output };
  const { bytes, ...rest } = output;
  try {
    return { ...rest, payload: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    // Not UTF-8.
    return { ...rest, payloadBase64: Buffer.from(bytes).toString('base64') };
  }
}
