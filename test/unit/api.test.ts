/** What other programs may import. A name that goes, or comes, changes this file. */

import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const frozen = JSON.parse(text('test/unit/api-names.json')) as Record<string, readonly string[]>;
const { bin, exports, files } = JSON.parse(text('package.json')) as {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { types: string; default: string }>>;
  readonly files: readonly string[];
};

/** Names a module exports, types marked; follows `export *` one level down. */
function exportedNames(path: string): string[] {
  const source = text(path);
  const names: string[] = [];
  for (const [, typeOnly, list = ''] of source.matchAll(/^export (type )?\{([^}]*)\}/gms)) {
    for (const entry of list.split(',').map((one) => one.trim())) {
      if (entry === '') continue;
      const [, type, name = ''] = /^(type )?(?:\w+ as )?(\w+)$/.exec(entry) ?? [];
      names.push(typeOnly || type ? `type ${name}` : name);
    }
  }
  const declared =
    /^export (?:declare |abstract |async )*(type|interface|class|const|let|function\*?|enum) (\w+)/gm;
  for (const [, kind = '', name = ''] of source.matchAll(declared))
    names.push(kind === 'type' || kind === 'interface' ? `type ${name}` : name);
  for (const [, from = ''] of source.matchAll(/^export \* from '\.\/(.*)';$/gm))
    names.push(...exportedNames(join(path, '..', from)));
  return [...new Set(names)].sort();
}

describe.each(['hypervisor/index.ts', 'hypervisor/guest.ts', 'log-format/index.ts'])(
  '%s',
  (path) => {
    test('exports the names of test/unit/api-names.json, no more and no less', () => {
      expect(exportedNames(path)).toEqual(frozen[path]);
    });

    test('has at run time exactly the values among them', async () => {
      const module = (await import(join(ROOT, path))) as object;
      const values = frozen[path]?.filter((name) => !name.startsWith('type '));
      const types = new Set(frozen[path]?.filter((name) => name.startsWith('type ')));
      expect(Object.keys(module).sort()).toEqual(values);
      expect(types.size).toBeGreaterThan(0);
    });
  },
);

describe('package.json', () => {
  const targets = JSON.stringify(exports).match(/\.\/[^"]+(?="[,}])/g) ?? [];

  test('points at files the build makes', () => {
    for (const target of [...targets, ...Object.values(bin)])
      expect(existsSync(join(ROOT, target)), target).toBe(true);
    for (const entry of files) expect(existsSync(join(ROOT, entry)), entry).toBe(true);
  });

  test('is imported by its own name as by others', () => {
    const entries = Object.keys(exports)
      .filter((entry) => !entry.endsWith('.json'))
      .map((entry) => entry.replace('.', 'hv'));
    const program = `
      const found = {};
      for (const name of ${JSON.stringify(entries)}) found[name] = Object.keys(await import(name)).sort();
      console.log(JSON.stringify(found));`;
    const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const values = (path: string) => frozen[path]?.filter((name) => !name.startsWith('type '));
    expect(JSON.parse(said)).toEqual({
      hv: values('hypervisor/index.ts'),
      'hv/guest': values('hypervisor/guest.ts'),
      'hv/log-format': values('log-format/index.ts'),
    });
  });

  test('opens nothing else', () => {
    const program = "import('hv/dist/hypervisor/host/link.js').catch((e) => console.log(e.code))";
    const said = execFileSync(process.execPath, ['--eval', program], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(said).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });

  test('starts hv as a program', () => {
    const command = join(ROOT, bin.hv ?? '');
    expect(readFileSync(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(() => accessSync(command, constants.X_OK)).not.toThrow();
    expect(statSync(command).isFile()).toBe(true);
  });
});

describe('docs/guest-api.md', () => {
  test('is what a guest finds (npm run build && node scripts/generate-guest-api.mjs)', () => {
    execFileSync(process.execPath, [join(ROOT, 'scripts/generate-guest-api.mjs'), '--check'], {
      stdio: 'pipe',
    });
  });

  test('names every module of the firmware, and what of it is not there yet', () => {
    const document = text('docs/guest-api.md');
    for (const name of ['net', 'stream/promises', 'util/types'])
      expect(document).toContain(`\n### ${name}\n`);
    expect(document).toMatch(/^Throws `ERR_HV_UNSUPPORTED` when used: .*`setEngine`/m);
  });
});
