/** What is known of packages and modules that cannot work in a guest, and what to use in their place. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Metafile, type Plan, pathOf } from './bundle-plan.ts';
import { packageOf } from './bundle-table.ts';

const OUTSIDE = 'a program outside the guest, over node:net';

/** Packages of native code or WebAssembly, and what does their work in JavaScript. */
export const INSTEAD: Readonly<Record<string, string>> = {
  argon2: "crypto.scrypt, or the package '@noble/hashes'",
  bcrypt: "the package 'bcryptjs'",
  'better-sqlite3':
    "the package 'sql.js' by its file 'sql.js/dist/sql-asm.js', or a database over node:net",
  canvas: OUTSIDE,
  'classic-level': "the package 'memory-level'",
  leveldown: "the package 'memory-level'",
  lmdb: "the package 'memory-level'",
  'node-sass': OUTSIDE,
  'pg-native': "the package 'pg'",
  re2: "a regular expression, or the package 're2js'",
  rocksdb: "the package 'memory-level'",
  sharp: OUTSIDE,
  snappy: "the package 'snappyjs'",
  'sodium-native': "the package 'sodium-javascript'",
  sqlite3: "the package 'sql.js' by its file 'sql.js/dist/sql-asm.js', or a database over node:net",
  tiktoken: "the package 'js-tiktoken'",
  undici: 'fetch',
  zeromq: OUTSIDE,
};

/** Modules for more than one process or thread: they load, and what starts a second one throws. */
const SECOND = 'a second guest, and talk to it over node:net';
const REFUSING: Readonly<Record<string, { readonly uses: RegExp; readonly instead: string }>> = {
  child_process: { uses: /\b(?:spawn|exec|execFile|fork)(?:Sync)?\s*\(/, instead: SECOND },
  cluster: { uses: /\.fork\s*\(/, instead: SECOND },
  worker_threads: { uses: /\bnew\s+(?:[\w$]+\.)?Worker\s*\(/, instead: SECOND },
};
const WASM = /\bWebAssembly\s*\.\s*(?:instantiate|compile|Module|Instance)/;

/** The package a file of node_modules belongs to. */
export function packageName(path: string): string | undefined {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** True when `name` is loaded where a failure is expected: it is optional then. */
export function isOptional(source: string, name: string): boolean {
  const quoted = name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const guarded = String.raw`\btry\s*\{[^{}]*(?:\brequire|\bimport)\s*\(\s*["']${quoted}["']`;
  const caught = String.raw`\bimport\s*\(\s*["']${quoted}["']\s*\)\s*\.catch\b`;
  return new RegExp(`${guarded}|${caught}`).test(source);
}

function isNative(name: string, path: string): boolean {
  const directory = packageOf(path);
  if (directory === undefined) return false;
  const manifest = textOf(join(directory, 'package.json'));
  const builds =
    /"gypfile"\s*:\s*true|"(?:bindings|node-gyp-build|prebuild-install|(?:@mapbox\/)?node-pre-gyp|node-addon-api)"\s*:/;
  return (
    builds.test(manifest) || ['sharp', '@node-rs', '@napi-rs'].includes(name.split('/')[0] ?? '')
  );
}

/**
 * One line for each thing in an image that throws when it is reached, and is likely to be: packages
 * with native code or WebAssembly that something needs, and modules for a second process that a file
 * of the user's own uses.
 */
export function hintsOf(plan: Plan, metafile: Metafile): string[] {
  const found = new Set<string>();
  for (const [importer, { imports }] of Object.entries(metafile.inputs)) {
    const from = pathOf(plan, importer);
    if (from === undefined) continue;
    const source = textOf(from);
    for (const { path, original, external } of imports) {
      const bare = (original ?? path).replace(/^node:/, '');
      const refusing = packageName(from) === undefined ? REFUSING[bare] : undefined;
      if (refusing?.uses.test(source))
        found.add(
          `${from} uses ${bare}: a guest is one process, and what would start another throws. Use ${refusing.instead}`,
        );
      const to = external === true ? undefined : pathOf(plan, path);
      if (to === undefined || original === undefined) continue;
      const hint = hintOf(from, to);
      if (hint !== undefined && !isOptional(source, original)) found.add(hint);
    }
  }
  return [...found].sort();
}

/** About the package of the file `to`, which `from` imports. */
function hintOf(from: string, to: string): string | undefined {
  const name = packageName(to);
  if (name === undefined || name === packageName(from)) return undefined;
  const instead = INSTEAD[name];
  if (isNative(name, to)) {
    const use = instead ?? 'a package without native code';
    return `the package ${name}, which ${from} imports, is native code, and a guest runs JavaScript only. Use ${use}`;
  }
  const text = textOf(to);
  if (!WASM.test(text) || /typeof WebAssembly/.test(text)) return undefined;
  const use = instead ?? 'a package in JavaScript';
  return `the package ${name}, which ${from} imports, is WebAssembly, which a guest has not. Use ${use}`;
}
