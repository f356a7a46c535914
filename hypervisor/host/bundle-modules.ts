/**
 * Finished code in which CommonJS files are modules of the guest's (guest-sdk/late/image-modules.ts)
 * instead of the bundler's: in `require.cache`, each with a `require` of its own. Every line keeps its
 * number.
 */

/** Module of the firmware that only such images ask for. */
const NAME = 'hv/internal/modules';
const MODULES = `require("${NAME}").all`;
const COMMON_JS = /^var __commonJS = \(cb, mod\) => function __require\d*\(\) \{\n(?:.|\n)*?^\};$/m;
const GLOB = /^var __glob = \(map\) => \(path\) => \{\n(?:.|\n)*?^\};$/m;
const EXPORT_LOOP = /^(var __export = \(target, all\) => \{\n {2})(for \(var name in all\)$)/m;
/** The line of a CommonJS file's function. */
const WRAPPER =
  /^(var \w+ = __commonJS\(\{\n {2}"(?:[^"\\]|\\.)*"\()(?:(exports\d*)(?:, (module\d*))?)?\) \{$/gm;
const TAG = '__defProp(target, Symbol.toStringTag, { value: "Module" }); ';
/** `import()` of a name that is no literal, as the bundler writes it. */
const COMPUTED_IMPORT = /\.then\(\(\) => __toESM\((?:__)?require\((?!")/g;
const COMPUTED = /(?<![.\w$])(?:__)?require\d*\((?!["`][^"`$]*["`]\))|importFrom\("/;
/** What asks for a file in another way than by a call of `require` with a literal. */
const LOOKS_UP =
  /(?<![.\w$])(?:__)?require\d*(?:\.(?:resolve|cache)\b|\((?!"))|\bcreateRequire\b|\bmodule\d*\.require\b|\b_(?:load|resolveFilename)\b|\.mainModule\b|\.resolveFrom\(/;

/** Earlier firmware does not. */
export function knowsModules(firmware: Uint8Array): boolean {
  return Buffer.from(firmware.buffer, firmware.byteOffset, firmware.length).includes(NAME);
}

/** True when a name that is known at run time only may lead to a file. */
export function loadsComputed(code: string): boolean {
  return COMPUTED.test(code) || /\bcreateRequire\b|\b_load\b/.test(code);
}

/** True when the image has to know what names stand for. */
export function looksUp(code: string): boolean {
  return LOOKS_UP.test(code) || COMPUTED_IMPORT.test(code) || COMPUTED.test(code);
}

function emptied(own: string): string {
  return '\n'.repeat(own.split('\n').length - 1);
}

/** `fileOf`: the absolute path of a name the bundler gives to a file; `head`: the image's first line. */
export function withModules(
  code: string,
  options: {
    readonly root: string;
    readonly head: string;
    readonly isAsync: boolean;
    readonly table: object | undefined;
    fileOf(name: string): string | undefined;
  },
): string {
  const { root, head, isAsync, table, fileOf } = options;
  const require = isAsync ? '__require' : 'require';
  let text = code
    .replace(COMMON_JS, (own) => `var __commonJS = ${MODULES}.commonJs;${emptied(own)}`)
    .replace(GLOB, (own) => `var __glob = ${MODULES}.glob;${emptied(own)}`)
    .replace(EXPORT_LOOP, `$1${TAG}$2`)
    .replace(/^(var globImport_\w+ = __glob)(?=\(\{$)/gm, '$1.lazy')
    .replace(WRAPPER, (_, before: string, exports?: string, module?: string) => {
      return `${before}${exports ?? 'hvExports'}, ${module ?? 'hvModule'}, ${require}) {`;
    });
  text = withComputedImports(text, fileOf);
  if (!text.includes(MODULES) && table === undefined) return text;
  const given = table === undefined ? '' : `,${JSON.stringify(table)}`;
  const start = `${MODULES}.start(${JSON.stringify(root)}${given});`;
  // A directive after a statement would be none.
  const directive = text.includes(`${head}\n"use strict";`) ? '"use strict";' : '';
  return text.replace(head, () => head + directive + start);
}

/** `import(name)` knows the file it stands in from the bundler's comment before it. */
function withComputedImports(code: string, fileOf: (name: string) => string | undefined): string {
  if (code.search(COMPUTED_IMPORT) < 0) return code;
  let file = '';
  return code
    .split('\n')
    .map((line) => {
      const named = line.startsWith('// ') ? fileOf(line.slice(3)) : undefined;
      if (named !== undefined) file = named;
      return line.replace(
        COMPUTED_IMPORT,
        () =>
          `.then(() => ((hvModule) => hvModule)(${MODULES}.importFrom(${JSON.stringify(file)}, `,
      );
    })
    .join('\n');
}
