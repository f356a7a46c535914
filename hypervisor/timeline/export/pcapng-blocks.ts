/** Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, of one section. */

import type { Micros } from '../../../log-format/index.ts';

const BLOCK = {
  section: 0x0a0d0d0a,
  interface: 1,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const;
const OPTION = { end: 0, comment: 1, interfaceName: 2, userApplication: 4, resolution: 9 } as const;
/** The packet begins with its IP header, of version 4 or 6. */
const LINKTYPE_RAW = 101;
const MICROSECONDS = 6;
const HIGH = 0x1_0000_0000;

type Option = readonly [code: number, value: Uint8Array];

export function sectionHeader(about: {
  readonly comment: string;
  readonly application: string;
}): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setUint32(0, 0x1a2b3c4d, true);
  view.setUint16(4, 1, true);
  // Minor version 0; the length of the section is not known in advance.
  view.setBigInt64(8, -1n, true);
  const options: Option[] = [
    [OPTION.comment, text(about.comment)],
    [OPTION.userApplication, text(about.application)],
  ];
  return block(BLOCK.section, body, options);
}

export function interfaceDescription(name: string): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setUint16(0, LINKTYPE_RAW, true);
  // A snapshot length of 0: packets are whole.
  return block(BLOCK.interface, body, [
    [OPTION.interfaceName, text(name)],
    [OPTION.resolution, new Uint8Array([MICROSECONDS])],
  ]);
}

export function enhancedPacket(packet: Uint8Array, time: Micros, comment: string): Uint8Array {
  const body = new Uint8Array(20 + padded(packet.length));
  const view = new DataView(body.buffer);
  setTime(view, 4, time);
  view.setUint32(12, packet.length, true);
  view.setUint32(16, packet.length, true);
  body.set(packet, 20);
  return block(BLOCK.enhancedPacket, body, [[OPTION.comment, text(comment)]]);
}

export function interfaceStatistics(time: Micros, comment: string): Uint8Array {
  const body = new Uint8Array(12);
  setTime(new DataView(body.buffer), 4, time);
  return block(BLOCK.interfaceStatistics, body, [[OPTION.comment, text(comment)]]);
}

function setTime(view: DataView, at: number, time: Micros): void {
  view.setUint32(at, Math.floor(time / HIGH), true);
  view.setUint32(at + 4, time % HIGH, true);
}

function block(type: number, body: Uint8Array, options: readonly Option[]): Uint8Array {
  const optionBytes = options.reduce((sum, [, value]) => sum + 4 + padded(value.length), 4);
  const bytes = new Uint8Array(12 + body.length + optionBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes.length, true);
  bytes.set(body, 8);
  let at = 8 + body.length;
  for (const [code, value] of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  view.setUint16(at, OPTION.end, true);
  view.setUint32(bytes.length - 4, bytes.length, true);
  return bytes;
}

function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
