/**
 * Every setting of hv.toml: its type, its default, its flag and its variable. The one list from which the
 * file is checked, options are made, `hv config` prints and docs/operations-hosts.md is checked.
 */

import { ACK_LEVELS } from '../../protocol/ack-level.ts';

export type SettingValue = string | number | boolean | readonly string[];

/**
 * `word` is text that may look like a number, such as a quorum; `path` is relative to the file it stands
 * in, and so is the directory of an `arbiter`.
 */
export type SettingKind = 'text' | 'path' | 'arbiter' | 'word' | 'whole' | 'switch' | 'list';

export interface Setting {
  readonly section: Section;
  readonly key: string;
  readonly kind: SettingKind;
  /** What one value is, in options and error messages. */
  readonly takes: string;
  readonly means: string;
  /** Undefined: there is none, and what is then is said in `means`. */
  readonly standard: SettingValue | undefined;
  /** Option name without dashes where it is not the key; of a list, one entry of it. */
  readonly flag?: string;
  /** Name of the variable where it is not made of the key. */
  readonly variable?: string;
  /** What a text or word has to look like. */
  readonly pattern?: RegExp;
}

export const SECTIONS = ['guest', 'replica', 'protection', 'admin'] as const;
export type Section = (typeof SECTIONS)[number];

const ADDRESS = /^(?:\[[^\]]+\]|[^:\s]+):\d{1,5}$/;
const TIME = /^\d+(?:ms|s|m)$/;

const GUEST: readonly Omit<Setting, 'section'>[] = [
  {
    key: 'script',
    kind: 'path',
    takes: 'a path',
    means: 'the script that is run; needed on every host that may begin the run',
    standard: undefined,
  },
  {
    key: 'name',
    kind: 'text',
    takes: 'a name',
    means: "name of the guest and of its log, the same on all hosts (default: the script's)",
    standard: undefined,
    pattern: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/,
  },
  {
    key: 'args',
    kind: 'list',
    takes: 'an argument',
    means: "the script's arguments, used when the run begins",
    standard: [],
    flag: 'arg',
  },
  {
    key: 'env',
    kind: 'list',
    takes: 'NAME or NAME=value',
    means: 'variables the guest sees, all of them if none is named; used when the run begins',
    standard: [],
  },
];

const REPLICA: readonly Omit<Setting, 'section'>[] = [
  {
    key: 'listen',
    kind: 'text',
    takes: 'host:port',
    means: 'address of this replica: where it listens, and by which the others reach it',
    standard: '127.0.0.1:7700',
    pattern: ADDRESS,
  },
  {
    key: 'peers',
    kind: 'list',
    takes: 'host:port',
    means:
      'addresses of all replicas in order, this one among them: the first begins the run. The list is the same on every host',
    standard: [],
    flag: 'peer',
    pattern: ADDRESS,
  },
  {
    key: 'priority',
    kind: 'whole',
    takes: 'a whole number',
    means: 'preferred for a takeover: more comes first',
    standard: 0,
  },
  {
    key: 'hidden',
    kind: 'switch',
    takes: 'true or false',
    means: 'follows the log, but never counts and never takes over',
    standard: false,
  },
  {
    key: 'store-only',
    kind: 'switch',
    takes: 'true or false',
    means: 'as a backup keeps the log and runs nothing until it is needed (cold)',
    standard: false,
  },
  {
    key: 'dir',
    kind: 'path',
    takes: 'a path',
    means: 'where the log is, whatever the role',
    standard: '.hv',
  },
  {
    key: 'log-key-file',
    kind: 'path',
    takes: 'a path',
    means: 'the log is sealed with the keys in this file, which are of this host alone',
    standard: undefined,
  },
  {
    key: 'sign-key-file',
    kind: 'path',
    takes: 'a path',
    means: 'the log is signed with this key where a segment ends',
    standard: undefined,
  },
  {
    key: 'wait-for-backups',
    kind: 'word',
    takes: 'a time such as 10s, or 0s',
    means:
      'the host that begins the run waits this long for the others to listen; later ones join by themselves',
    standard: '10s',
    pattern: TIME,
  },
];

const PROTECTION: readonly Omit<Setting, 'section'>[] = [
  {
    key: 'arbiter',
    kind: 'arbiter',
    takes: 'a URL',
    means:
      'who decides the view: http://host:port, etcd://h1,h2,h3, pg://user@host/database or file:DIR; needed',
    standard: undefined,
  },
  {
    key: 'arbiter-colocated',
    kind: 'switch',
    takes: 'true or false',
    means: 'allow an arbiter that dies with the host of a replica',
    standard: false,
  },
  {
    key: 'ack',
    kind: 'text',
    takes: ACK_LEVELS.join(', '),
    means: 'when outputs may leave',
    standard: 'received',
    pattern: new RegExp(`^(?:${ACK_LEVELS.join('|')})$`),
  },
  {
    key: 'quorum',
    kind: 'word',
    takes: 'all or a number',
    means: 'how many backups must have it',
    standard: 'all',
    pattern: /^(?:all|[1-9]\d{0,3})$/,
  },
  {
    key: 'on-backup-loss',
    kind: 'text',
    takes: 'continue or stop',
    means: 'with fewer backups than that: continue, or stop until one is back',
    standard: 'continue',
    pattern: /^(?:continue|stop)$/,
  },
  {
    key: 'detect',
    kind: 'word',
    takes: 'fast, lan, wan or milliseconds',
    means: 'silence that makes a peer suspect',
    standard: 'lan',
    pattern: /^(?:fast|lan|wan|[1-9]\d{0,6}(?:ms)?)$/,
  },
  {
    key: 'token-file',
    kind: 'path',
    takes: 'a path',
    means: 'replicas know each other by the token in this file',
    standard: undefined,
  },
  {
    key: 'tls-ca',
    kind: 'path',
    takes: 'a path',
    means: 'replicas know each other by certificates of this authority',
    standard: undefined,
  },
  {
    key: 'tls-cert',
    kind: 'path',
    takes: 'a path',
    means: 'certificate of this replica',
    standard: undefined,
  },
  {
    key: 'tls-key',
    kind: 'path',
    takes: 'a path',
    means: 'its private key',
    standard: undefined,
  },
  {
    key: 'insecure',
    kind: 'switch',
    takes: 'true or false',
    means: 'links to other hosts without any authentication',
    standard: false,
  },
];

const ADMIN: readonly Omit<Setting, 'section'>[] = [
  {
    key: 'address',
    kind: 'text',
    takes: 'off, auto or host:port',
    means:
      'where metrics, health and status answer; auto: at 127.0.0.1:7701, or a free port if that is taken',
    standard: 'auto',
    flag: 'admin',
    variable: 'HV_ADMIN',
    pattern: new RegExp(`^(?:off|auto)$|${ADDRESS.source}`),
  },
  {
    key: 'token-file',
    kind: 'path',
    takes: 'a path',
    means: 'who asks the admin port needs the token in this file',
    standard: undefined,
    flag: 'admin-token-file',
    variable: 'HV_ADMIN_TOKEN_FILE',
  },
];

function of(section: Section, keys: readonly Omit<Setting, 'section'>[]): readonly Setting[] {
  return keys.map((one) => ({ section, ...one }));
}

export const SETTINGS: readonly Setting[] = [
  ...of('guest', GUEST),
  ...of('replica', REPLICA),
  ...of('protection', PROTECTION),
  ...of('admin', ADMIN),
];

/** `guest.script`: unique, and how people are told of it. */
export function pathOf({ section, key }: Setting): string {
  return `${section}.${key}`;
}

/** `HV_TOKEN_FILE`: of the key alone, where that is unique without its section. */
export function variableOf({ key, variable }: Setting): string {
  return variable ?? `HV_${key.toUpperCase().replaceAll('-', '_')}`;
}

export function flagOf({ key, flag }: Setting): string {
  return flag ?? key;
}

/** What is wrong with a value that has been given to a setting; undefined: nothing. */
export function faultOf(setting: Setting, value: unknown): string | undefined {
  const { kind, takes, pattern } = setting;
  const wrong = `takes ${article(setting)}, not ${shown(value)}`;
  const matches = (text: string): boolean => text !== '' && (pattern?.test(text) ?? true);
  switch (kind) {
    case 'switch':
      return typeof value === 'boolean' ? undefined : wrong;
    case 'whole':
      return Number.isSafeInteger(value) ? undefined : wrong;
    case 'list': {
      const fits = (one: unknown): boolean =>
        typeof one === 'string' && (pattern === undefined || matches(one));
      if (!Array.isArray(value)) return wrong;
      const odd: unknown = value.find((one) => !fits(one));
      return odd === undefined ? undefined : `has ${shown(odd)}; each entry is ${takes}`;
    }
    case 'word':
      if (Number.isSafeInteger(value)) return matches(String(value)) ? undefined : wrong;
      return typeof value === 'string' && matches(value) ? undefined : wrong;
    case 'text':
    case 'path':
    case 'arbiter':
      return typeof value === 'string' && matches(value) ? undefined : wrong;
  }
}

function article({ kind, takes }: Setting): string {
  switch (kind) {
    case 'list':
      return `a list of texts (${takes})`;
    case 'text':
    case 'path':
    case 'arbiter':
      return `text: ${takes}`;
    default:
      return takes;
  }
}

function shown(value: unknown): string {
  if (value instanceof Date) return 'a date';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return 'a table';
  return JSON.stringify(value);
}
