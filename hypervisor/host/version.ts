/** hv's own version, from its package.json. */

import { readFileSync } from 'node:fs';

function readVersion(): string {
  for (const up of ['../../', '../../../']) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
      const parsed = JSON.parse(text) as { name?: string; version?: string };
      if (parsed.name === 'hv' && parsed.version !== undefined) return parsed.version;
    } catch (error) {
      // Sources and build output lie at different depths: the other place is tried.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return '0.0.0';
}

export const HV_VERSION: string = readVersion();
