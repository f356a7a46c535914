import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileArbiter } from '../../../hypervisor/host/file-arbiter.ts';
import { arbiterConformance } from '../../support/arbiter-conformance.ts';

arbiterConformance('file:', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hv-arbiter-'));
  const file = join(directory, 'file');
  writeFileSync(file, '');
  return {
    arbiter: () => new FileArbiter(directory),
    unreachable: {
      'a directory that is missing': () => new FileArbiter(join(directory, 'missing')),
      'a file in the place of the directory': () => new FileArbiter(file),
    },
    stop: () => rmSync(directory, { recursive: true, force: true }),
  };
});
