/** The last touches to a bundler's code and map, after which they are an image's. */

import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withContexts } from './bundle-async.ts';
import { looksUp, withModules } from './bundle-modules.ts';
import { inputFiles, type Metafile, type Plan, pathOf } from './bundle-plan.ts';
import { tableOf } from './bundle-table.ts';
import { type SourceMapJson, shiftMappings } from './source-map-shift.ts';

const PARAMETERS = '(require, module, exports, __filename, __dirname)';

/** The image's first line. Its function's name tells errors.ts how V8 would show the frame. */
export function headOf(plan: Plan): string {
  const kind = plan.topLevelAwait ? 'async function hvModule' : 'function hvMain';
  return `(${kind}${PARAMETERS} {`;
}

/**
 * The source map with every file as Node shows it (a path for CommonJS, a URL for a module), its own
 * text and its own columns.
 */
export function finishMap(plan: Plan, text: string, metafile: Metafile): string {
  const map = JSON.parse(text) as SourceMapJson;
  const modules = new Set(
    inputFiles(plan, metafile).flatMap(({ path, format }) => (format === 'esm' ? [path] : [])),
  );
  const paths = map.sources.map((source) =>
    source.startsWith('hv-') ? source : resolve(dirname(plan.script), source),
  );
  const found = paths.map((path) => plan.injections.get(path));
  const insertions = new Map(
    [...found.entries()].flatMap(([index, injection]) =>
      injection ? [[index, injection.insertions] as const] : [],
    ),
  );
  return JSON.stringify({
    ...map,
    sources: paths.map((path) => (modules.has(path) ? pathToFileURL(path).href : path)),
    sourcesContent: map.sourcesContent?.map((content, index) => found[index]?.original ?? content),
    mappings: insertions.size === 0 ? map.mappings : shiftMappings(map.mappings, insertions),
  });
}

export function finishCode(plan: Plan, text: string, metafile: Metafile): string {
  // The engine evaluates an expression: a hashbang becomes a comment and keeps its line.
  const lowered = plan.lowerAsync ? withContexts(text) : text;
  const own = lowered.startsWith('#!') ? `//${lowered}` : lowered;
  const head = headOf(plan);
  const code = plan.plain
    ? own
    : withModules(own, {
        root: dirname(plan.script),
        head,
        isAsync: plan.topLevelAwait,
        table: looksUp(text) ? tableOf(plan, metafile) : undefined,
        fileOf: (name) => (Object.hasOwn(metafile.inputs, name) ? pathOf(plan, name) : undefined),
      });
  if (!plan.isModule) return code;
  const directive = plan.strict ? '"use strict";' : '';
  return code.replace(head, () => `${head.replace('hvMain', 'hvModule')}${directive}`);
}
