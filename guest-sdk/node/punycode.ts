/** `node:punycode`: the package, under the version Node has taken it over at. */

/// <reference path="./vendor.d.ts" />

import punycode from 'punycode/';

export const exported: Readonly<Record<string, unknown>> = { ...punycode, version: '2.1.0' };
