/** IP addresses as text to bytes, as packets carry them. */

/** 4 or 16 bytes; undefined when it is no numeric address. A zone (`%eth0`) is left out. */
export function addressBytes(text: string): Uint8Array | undefined {
  const bare = text.replace(/%.*$/, '');
  return bare.includes(':') ? ipv6Bytes(bare) : ipv4Bytes(bare);
}

/** An IPv4 address in the form it has among IPv6 ones (RFC 4291, 2.5.5.2); others as they are. */
export function mapped(address: Uint8Array): Uint8Array {
  if (address.length === 16) return address;
  return new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...address]);
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined;
  return new Uint8Array(parts.map(Number));
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) =>
    half === '' ? [] : groupBytes(half.split(':'), { last: index === halves.length - 1 }),
  );
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? new Uint8Array(head) : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  const zeros = new Array<number>(16 - head.length - tail.length).fill(0);
  return new Uint8Array([...head, ...zeros, ...tail]);
}

/** Groups of one half; the last group of an address may be an IPv4 address. */
function groupBytes(
  groups: readonly string[],
  { last }: { readonly last: boolean },
): number[] | undefined {
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const dotted = last && index === groups.length - 1 ? ipv4Bytes(group) : undefined;
    if (dotted === undefined) return undefined;
    bytes.push(...dotted);
  }
  return bytes;
}
