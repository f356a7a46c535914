/** The numbers on docs/versions.md are those of the code. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MACHINE_VERSION } from '../../hypervisor/host/machine-factory.ts';
import { PROTOCOL_VERSION } from '../../hypervisor/protocol/messages.ts';
import { FORMAT_VERSION } from '../../log-format/index.ts';

const docs = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');

test.each([
  ['format version', FORMAT_VERSION],
  ['machine version', MACHINE_VERSION],
  ['protocol version', PROTOCOL_VERSION],
])('what hv writes is on the page: %s', (name, version) => {
  const row = docs('versions.md')
    .split('\n')
    .find((line) => line.startsWith(`| ${name} |`));
  expect(row?.split('|')[4]?.trim()).toMatch(new RegExp(`^${version}\\b`));
});

test('the page of the protocol names its version', () => {
  expect(docs('protocol.md')).toContain(`Protocol version ${PROTOCOL_VERSION} (`);
});
