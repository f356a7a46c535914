/** One question and one answer in JSON over HTTP, on connections that are kept. */

import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ARBITER_ANSWER_BYTES_MAX } from '../base/limits.ts';
import type { HostPort } from './addresses.ts';

export interface JsonPost {
  readonly server: HostPort;
  readonly tls: boolean;
  /** Keeps the connections, and knows certificates. */
  readonly agent: Agent;
  readonly path: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface JsonReply {
  readonly status: number;
  /** Undefined: what came is no JSON. */
  readonly body: unknown;
}

/** Rejects when the connection fails, the signal aborts, or more comes than any honest answer has. */
export function postJson(given: JsonPost): Promise<JsonReply> {
  const { server, tls, agent, path, signal } = given;
  const text = JSON.stringify(given.body);
  return new Promise((resolve, reject) => {
    const request = (tls ? httpsRequest : httpRequest)(
      {
        ...{ host: server.host, port: server.port, agent, path, signal, method: 'POST' },
        headers: {
          ...given.headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        },
      },
      (response) => {
        readJson(response).then(resolve, reject);
      },
    );
    request.on('error', reject);
    request.end(text);
  });
}

async function readJson(response: IncomingMessage): Promise<JsonReply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ARBITER_ANSWER_BYTES_MAX) {
      response.destroy();
      throw new Error(`the answer has more than ${ARBITER_ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString()) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
