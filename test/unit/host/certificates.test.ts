import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { readCertificates } from '../../../hypervisor/host/certificate-files.ts';
import { makeCertificates } from '../../../hypervisor/host/certificate-store.ts';
import { issueAuthority, issueLeaf } from '../../../hypervisor/host/certificates.ts';
import { loadSecurity } from '../../../hypervisor/host/tls.ts';

const DAY_MS = 86_400_000;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hv-certificates-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const fault = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

/** What a call throws. */
function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8' });
}

describe('an issued certificate', () => {
  test('is taken by OpenSSL in its strictest mode, as server and as client', () => {
    const at = join(dir, 'strict');
    const { ca, leaves } = makeCertificates({
      dir: at,
      replicas: [['db1.example', '10.0.0.2', '2001:db8::7']],
      renew: false,
    });
    const [leaf] = leaves;
    for (const purpose of ['sslserver', 'sslclient'])
      expect(
        openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, leaf?.cert ?? ''),
      ).toContain('OK');
    expect(openssl('verify', '-x509_strict', '-CAfile', ca, ca)).toContain('OK');
    const printed = openssl('x509', '-in', leaf?.cert ?? '', '-noout', '-text');
    expect(printed).toContain(
      'DNS:db1.example, IP Address:10.0.0.2, IP Address:2001:DB8:0:0:0:0:0:7, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(printed).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(printed).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(openssl('x509', '-in', ca, '-noout', '-text')).toMatch(
      /Basic Constraints: critical\s+CA:TRUE, pathlen:0[\s\S]*Key Usage: critical\s+Certificate Sign, CRL Sign\n/,
    );
  });

  test('is for the names it was made for and no others', () => {
    const leaf = new X509Certificate(issueLeaf(issueAuthority('a'), ['db1', '10.0.0.2']).cert);
    expect([leaf.checkHost('db1'), leaf.checkIP('10.0.0.2')]).toEqual(['db1', '10.0.0.2']);
    expect([leaf.checkHost('db2'), leaf.checkIP('10.0.0.3')]).toEqual([undefined, undefined]);
    expect(thrown(() => issueLeaf(issueAuthority('a'), ['db1:7700']))).toEqual(
      fault('HV_E_USAGE', "'db1:7700' is neither"),
    );
  });

  test('ends no later than its authority', () => {
    const authority = issueAuthority('a');
    const leaf = new X509Certificate(issueLeaf(authority, ['db1']).cert);
    expect(Date.parse(leaf.validTo)).toBeLessThanOrEqual(
      Date.parse(new X509Certificate(authority.cert).validTo),
    );
    expect(Date.parse(leaf.validFrom)).toBeLessThan(Date.now());
  });
});

describe('a directory of certificates', () => {
  test('keeps its authority, and its leaves unless they are renewed', () => {
    const at = join(dir, 'kept');
    const order = { dir: at, replicas: [['db1'], ['db2']] };
    const first = makeCertificates({ ...order, renew: false });
    expect(first.caMade).toBe(true);
    const ca = readFileSync(first.ca, 'utf8');
    const leaf = readFileSync(join(at, 'db1.pem'), 'utf8');
    expect(thrown(() => makeCertificates({ ...order, renew: false }))).toEqual(
      fault('HV_E_USAGE', '--renew'),
    );
    expect(readFileSync(join(at, 'db1.pem'), 'utf8')).toBe(leaf);
    expect(makeCertificates({ ...order, renew: true }).caMade).toBe(false);
    expect(readFileSync(first.ca, 'utf8')).toBe(ca);
    expect(readFileSync(join(at, 'db1.pem'), 'utf8')).not.toBe(leaf);
    expect(
      new X509Certificate(readFileSync(join(at, 'db2.pem'))).verify(
        new X509Certificate(ca).publicKey,
      ),
    ).toBe(true);
  });

  test('shows its keys to nobody else', () => {
    const at = join(dir, 'modes');
    makeCertificates({ dir: at, replicas: [['db1']], renew: false });
    const modes = readdirSync(at).map((name) => [name, statSync(join(at, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toEqual({
      'ca.pem': 0o644,
      'ca-key.pem': 0o600,
      'db1.pem': 0o644,
      'db1-key.pem': 0o600,
    });
  });
});

describe('the files of --tls-ca, --tls-cert and --tls-key', () => {
  const paths = (name: string) => {
    const at = join(dir, name);
    makeCertificates({ dir: at, replicas: [['db1'], ['db2']], renew: true });
    const file = (one: string) => join(at, one);
    return { ca: file('ca.pem'), cert: file('db1.pem'), key: file('db1-key.pem'), file };
  };

  test('are read when they fit together', () => {
    const { ca, cert, key } = paths('fit');
    expect(readCertificates({ ca, cert, key }).cert).toBe(readFileSync(cert, 'utf8'));
  });

  test('are refused with their fault when they do not', () => {
    const good = paths('good');
    const other = paths('other');
    const open = join(dir, 'open-key.pem');
    writeFileSync(open, readFileSync(good.key), { mode: 0o644 });
    chmodSync(open, 0o644);
    const cases: readonly [Partial<typeof good>, string][] = [
      [{ key: good.file('db2-key.pem') }, 'is not that of the certificate'],
      [{ ca: other.ca }, 'was not issued by the authority'],
      [{ key: open }, 'is open to other users (mode 0644)'],
      [{ key: good.cert }, 'open to other users'],
      [{ cert: good.key }, 'there is no certificate in'],
      [{ cert: good.ca, key: good.file('ca-key.pem') }, 'is that of an authority'],
      [{ ca: join(dir, 'none.pem') }, 'cannot be read'],
    ];
    for (const [change, text] of cases)
      expect(thrown(() => readCertificates({ ...good, ...change }))).toEqual(
        fault('HV_E_SECURITY_FILE', text),
      );
  });
});

describe('a certificate that ends', () => {
  afterEach(() => vi.useRealTimers());

  test('is reported from thirty days before, and refused behind its end', () => {
    const at = join(dir, 'ending');
    const { ca, leaves } = makeCertificates({ dir: at, replicas: [['db1']], renew: false });
    const { cert = '', key = '' } = leaves[0] ?? {};
    const security = loadSecurity({ mode: 'certificates', ca, cert, key });
    expect(security.warning()).toBe(undefined);
    const end = security.endsAt?.getTime() ?? 0;
    vi.useFakeTimers({ toFake: ['Date'], now: end - 31 * DAY_MS });
    expect(security.warning()).toBe(undefined);
    vi.setSystemTime(end - 29 * DAY_MS - 1);
    expect(security.warning()).toContain('ends in 29 days');
    vi.setSystemTime(end + 2_000);
    expect(thrown(() => security.reload())).toEqual(fault('HV_E_SECURITY_FILE', 'ended on'));
    vi.setSystemTime(end - 400 * DAY_MS);
    expect(thrown(() => security.reload())).toEqual(
      fault('HV_E_SECURITY_FILE', 'not valid before'),
    );
  });
});
