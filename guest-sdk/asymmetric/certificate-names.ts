/** Which host, mailbox or address a certificate speaks for (RFC 6125, as OpenSSL reads it). */

import { areEqual, toText } from './bytes.ts';
import type { AltName, Certificate } from './certificate.ts';

export interface NameOptions {
  /** Whether the subject's own name counts: only if there is no alternative one, always, or never. */
  readonly subject: 'default' | 'always' | 'never';
  readonly wildcards: boolean;
  readonly partialWildcards: boolean;
  readonly multiLabelWildcards: boolean;
}

function namesOf(certificate: Certificate, kind: AltName['kind']): string[] {
  const found = (certificate.altNames ?? []).filter((name) => name.kind === kind);
  return found.map(({ bytes }) => toText(bytes));
}

function subjectNames(certificate: Certificate, type: string): string[] {
  const parts = certificate.subject.flat().filter((part) => part.type === type);
  return parts.map(({ value }) => value);
}

function candidates(
  certificate: Certificate,
  kind: AltName['kind'],
  type: string,
  { subject }: Pick<NameOptions, 'subject'>,
): string[] {
  const names = namesOf(certificate, kind);
  const usesSubject = subject === 'always' || (subject === 'default' && names.length === 0);
  return usesSubject ? [...names, ...subjectNames(certificate, type)] : names;
}

/** A star in the first of three labels at least, and in none that is encoded. */
function matchesPattern(pattern: string, name: string, options: NameOptions): boolean {
  const [a, b] = [pattern.toLowerCase(), name.toLowerCase()];
  if (a === b) return true;
  if (!options.wildcards) return false;
  const dot = a.indexOf('.');
  const [label, rest] = [a.slice(0, dot), a.slice(dot)];
  const star = label.indexOf('*');
  if (dot < 0 || star < 0 || label.includes('*', star + 1) || rest.includes('*')) return false;
  if (!rest.slice(1).includes('.') || label.startsWith('xn--')) return false;
  if (label !== '*' && !options.partialWildcards) return false;
  const [before, after] = [label.slice(0, star), label.slice(star + 1)];
  if (!b.startsWith(before) || !b.endsWith(after + rest)) return false;
  const end = b.length - after.length - rest.length;
  if (end < before.length) return false;
  const middle = b.slice(before.length, end);
  if (label !== '*') return /^[a-z0-9-]*$/.test(middle) && !b.startsWith('xn--');
  const isMany = options.multiLabelWildcards;
  return (isMany ? /^[a-z0-9.-]+$/ : /^[a-z0-9-]+$/).test(middle);
}

/** The name of the certificate that `name` matches. */
export function hostOf(
  certificate: Certificate,
  name: string,
  options: NameOptions,
): string | undefined {
  const names = candidates(certificate, 'DNS', 'CN', options);
  return names.find((pattern) => name !== '' && matchesPattern(pattern, name, options));
}

/** Hosts are compared without case, what is before the "@" with it. */
function canonicalMail(address: string): string {
  const at = address.lastIndexOf('@');
  return address.slice(0, at + 1) + address.slice(at + 1).toLowerCase();
}

export function hasMail(
  certificate: Certificate,
  address: string,
  options: Pick<NameOptions, 'subject'>,
): boolean {
  const names = candidates(certificate, 'email', 'emailAddress', options);
  return names.some((name) => canonicalMail(name) === canonicalMail(address));
}

/** Four or sixteen bytes, or undefined for what is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (four) {
    const bytes = four.slice(1).map(Number);
    return bytes.every((byte) => byte < 256) ? Uint8Array.from(bytes) : undefined;
  }
  const [head = '', tail, ...more] = text.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const missing = 8 - first.length - last.length;
  if (more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1)) return undefined;
  const all = [...first, ...new Array<string>(missing).fill('0'), ...last];
  if (!all.every((group) => /^[\da-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(
    all.map((group) => Number.parseInt(group, 16)).flatMap((value) => [value >> 8, value & 0xff]),
  );
}

export function hasAddress(certificate: Certificate, address: Uint8Array): boolean {
  const names = certificate.altNames ?? [];
  return names.some(({ kind, bytes }) => kind === 'IP Address' && areEqual(bytes, address));
}
