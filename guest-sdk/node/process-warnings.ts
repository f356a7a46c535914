/** `process.emitWarning` and its default listener, worded as in Node 20. */

import { bootConfig } from '../boot-config.ts';
import { writeError } from '../fatal.ts';
import { processObject } from '../process-object.ts';
import { nextTick } from '../ticks.ts';
import { invalidArgType } from './node-errors.ts';

interface Warning extends Error {
  code?: unknown;
  detail?: unknown;
}

interface WarningOptions {
  readonly type?: string;
  readonly code?: string;
  readonly detail?: string;
}

let hintGiven = false;

/** `process.emitWarning(warning, type | options, code)`. */
export function emitWarning(
  warning: string | Error,
  typeOrOptions?: string | WarningOptions | ((...args: never[]) => unknown),
  codeGiven?: string,
): void {
  let type: string | undefined;
  let code: string | undefined = codeGiven;
  let detail: string | undefined;
  if (typeof typeOrOptions === 'string') type = typeOrOptions;
  else if (typeof typeOrOptions === 'object' && typeOrOptions !== null) {
    type = typeOrOptions.type;
    code = typeOrOptions.code;
    detail = typeof typeOrOptions.detail === 'string' ? typeOrOptions.detail : undefined;
  }
  const made = warning instanceof Error ? (warning as Warning) : makeWarning(warning);
  if (!(warning instanceof Error)) {
    made.name = String(type ?? 'Warning');
    if (typeof code === 'string') made.code = code;
    if (detail !== undefined) made.detail = detail;
  }
  if (made.name === 'DeprecationWarning') {
    const flags = processObject as unknown as Record<string, unknown>;
    if (flags.noDeprecation === true) return;
    if (flags.throwDeprecation === true) {
      nextTick(() => {
        throw made;
      });
      return;
    }
  }
  nextTick(() => processObject.emit('warning', made));
}

function makeWarning(text: unknown): Warning {
  if (typeof text !== 'string') throw invalidArgType('warning', ['string', 'Error'], text);
  return new Error(text);
}

/** The listener every guest starts with; `process.removeAllListeners('warning')` silences it. */
export function printWarning(warning: Warning): void {
  if (!(warning instanceof Error)) return;
  const code = warning.code === undefined ? '' : `[${String(warning.code)}] `;
  const isDeprecation = warning.name === 'DeprecationWarning';
  const flags = processObject as unknown as Record<string, unknown>;
  const traced = flags[isDeprecation ? 'traceDeprecation' : 'traceProcessWarnings'] === true;
  const text = traced ? String(warning.stack) : `${warning.name}: ${warning.message}`;
  let message = `(node:${bootConfig().pid}) ${code}${text}`;
  if (typeof warning.detail === 'string') message += `\n${warning.detail}`;
  if (!traced && !hintGiven) {
    hintGiven = true;
    const flag = isDeprecation ? '--trace-deprecation' : '--trace-warnings';
    message += `\n(Use \`node ${flag} ...\` to show where the warning was created)`;
  }
  writeError(`${message}\n`);
}
