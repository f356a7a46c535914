/** Errors of sockets with Node's fields, numbers (Linux) and words. */

import { NET_ERRORS } from '../../log-format/abi.ts';

const ERRNO: Readonly<Record<string, readonly [number, string]>> = {
  UNKNOWN: [-4094, 'unknown error'],
  ECONNRESET: [-104, 'connection reset by peer'],
  ECONNREFUSED: [-111, 'connection refused'],
  EADDRINUSE: [-98, 'address already in use'],
  EADDRNOTAVAIL: [-99, 'address not available'],
  EACCES: [-13, 'permission denied'],
  EPIPE: [-32, 'broken pipe'],
  ETIMEDOUT: [-110, 'connection timed out'],
  ENOTFOUND: [-3008, 'unknown node or service'],
  EAI_AGAIN: [-3001, 'temporary failure'],
  EHOSTUNREACH: [-113, 'host is unreachable'],
  ENETUNREACH: [-101, 'network is unreachable'],
  ECONNABORTED: [-103, 'software caused connection abort'],
  EINVAL: [-22, 'invalid argument'],
  EMFILE: [-24, 'too many open files'],
  EBADF: [-9, 'bad file descriptor'],
  ECANCELED: [-125, 'operation canceled'],
};

export interface SocketError extends Error {
  errno: number;
  code: string;
  syscall: string;
  address?: string;
  port?: number;
  hostname?: string;
}

export function errorName(index: number): string {
  return NET_ERRORS[index] ?? 'UNKNOWN';
}

function make(message: string, code: string, syscall: string): SocketError {
  const error = new Error(message) as SocketError;
  error.errno = ERRNO[code]?.[0] ?? -4094;
  error.code = code;
  error.syscall = syscall;
  return error;
}

/** "read ECONNRESET". */
export function streamError(index: number, syscall: 'read' | 'write'): SocketError {
  const code = errorName(index);
  return make(`${syscall} ${code}`, code, syscall);
}

/** "write EBADF": the handle was closed past its socket. */
export function closedError(syscall: 'read' | 'write'): SocketError {
  return make(`${syscall} EBADF`, 'EBADF', syscall);
}

/** "getaddrinfo ENOTFOUND host", as the resolver of Node words it. */
function resolveError(code: string, hostname: string): SocketError {
  const error = make(`getaddrinfo ${code} ${hostname}`, code, 'getaddrinfo');
  error.hostname = hostname;
  return error;
}

function isResolverCode(code: string): boolean {
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN';
}

/** "bind EADDRNOTAVAIL 1.2.3.4": a guest has no interface of that address. */
export function bindError(address: string): SocketError {
  const error = make(`bind EADDRNOTAVAIL ${address}`, 'EADDRNOTAVAIL', 'bind');
  error.address = address;
  return error;
}

/** "connect ECONNREFUSED 127.0.0.1:1". */
export function connectError(index: number, place: { host: string; port: number }): SocketError {
  const code = errorName(index);
  if (isResolverCode(code)) return resolveError(code, place.host);
  const address = place.host === 'localhost' ? '127.0.0.1' : place.host;
  const error = make(`connect ${code} ${address}:${place.port}`, code, 'connect');
  error.address = address;
  error.port = place.port;
  return error;
}

/** "listen EADDRINUSE: address already in use 127.0.0.1:80". */
export function listenError(index: number, place: { host: string; port: number }): SocketError {
  const code = errorName(index);
  if (isResolverCode(code)) return resolveError(code, place.host);
  const address = place.host === '' ? '::' : place.host;
  const words = ERRNO[code]?.[1] ?? 'unknown error';
  const error = make(`listen ${code}: ${words} ${address}:${place.port}`, code, 'listen');
  error.address = address;
  error.port = place.port;
  return error;
}
