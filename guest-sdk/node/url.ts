/** `node:url`: the standard's URL, Node's older interface, and what lies between URLs and files. */

import { URL } from '../web/url.ts';
import { URLSearchParams } from '../web/url-search-params.ts';
import {
  domainToASCII,
  domainToUnicode,
  fileURLToPath,
  pathToFileURL,
  urlToHttpOptions,
} from './url-files.ts';
import { legacy } from './url-legacy.ts';

export const exported: Readonly<Record<string, unknown>> = {
  ...legacy,
  URL,
  URLSearchParams,
  domainToASCII,
  domainToUnicode,
  pathToFileURL,
  fileURLToPath,
  urlToHttpOptions,
};
