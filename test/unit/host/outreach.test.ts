import { expect, test } from 'vitest';
import { nameAt } from '../../../hypervisor/host/outreach.ts';

const HELLO = { primary: '10.0.0.1:7700', backup: 'backup.example:7701' };

test('the primary that gave a backup up is asked to dial it by the name it knows', () => {
  expect(nameAt('10.0.0.1:7700', HELLO, '0.0.0.0:7700')).toBe('backup.example:7701');
});

test('another primary is told where the backup listens, as is any before the first hello', () => {
  expect(nameAt('10.0.0.3:7700', HELLO, '0.0.0.0:7700')).toBe('0.0.0.0:7700');
  expect(nameAt('10.0.0.1:7700', undefined, '0.0.0.0:7700')).toBe('0.0.0.0:7700');
});
