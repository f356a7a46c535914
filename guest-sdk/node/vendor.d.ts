/** The packages the firmware bundles are plain JavaScript: their shapes, as far as they are used. */

declare module 'readable-stream/lib/ours/errors.js' {
  const errors: {
    codes: Record<string, unknown>;
    AbortError: unknown;
  };
  export default errors;
}

declare module 'readable-stream/lib/stream.js' {
  const Stream: unknown;
  export default Stream;
}

declare module 'node-inspect-extracted' {
  const inspector: {
    inspect: import('./inspect.ts').Inspect;
    formatWithOptions(options: object, ...args: unknown[]): string;
    stripVTControlCharacters(text: string): string;
  };
  export default inspector;
}

declare module 'punycode/' {
  const punycode: Readonly<Record<string, unknown>>;
  export default punycode;
}
