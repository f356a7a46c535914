/** The `_http_*` modules that packages from before `node:http` was one module still ask for. */

import { Agent, globalAgent } from './http-agent.ts';
import { ClientRequest } from './http-client.ts';
import { IncomingMessage } from './http-incoming.ts';
import { OutgoingMessage } from './http-outgoing.ts';
import { kOutHeaders } from './http-outgoing-types.ts';
import { ServerResponse } from './http-response.ts';
import { connectionListener, Server } from './http-server.ts';
import {
  hasInvalidHeaderChar,
  isToken,
  METHODS,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from './http-tokens.ts';

export const legacyHttp: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  _http_agent: Object.defineProperty({ Agent }, 'globalAgent', {
    get: globalAgent,
    enumerable: true,
  }),
  _http_client: { ClientRequest },
  _http_common: {
    _checkInvalidHeaderChar: hasInvalidHeaderChar,
    _checkIsHttpToken: isToken,
    chunkExpression: /(?:^|\W)chunked(?:$|\W)/i,
    continueExpression: /(?:^|\W)100-continue(?:$|\W)/i,
    CRLF: '\r\n',
    methods: [...METHODS].sort(),
  },
  _http_incoming: { IncomingMessage },
  _http_outgoing: { kOutHeaders, OutgoingMessage, validateHeaderName, validateHeaderValue },
  _http_server: {
    STATUS_CODES,
    Server,
    ServerResponse,
    _connectionListener: connectionListener,
  },
};
