/** Address texts and the checks of `node:net`. */

const V4_PART = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const V4 = new RegExp(`^(?:${V4_PART}\\.){3}${V4_PART}$`);
const GROUP = /^[0-9a-f]{1,4}$/i;

export function isIPv4(text: unknown): boolean {
  return V4.test(String(text));
}

/** RFC 4291 section 2.2: eight groups, one "::" for a run of zeros, an IPv4 tail, an RFC 4007 zone. */
export function isIPv6(text: unknown): boolean {
  const whole = String(text);
  const percent = whole.indexOf('%');
  if (percent >= 0 && !/^[0-9a-zA-Z\-.:]+$/.test(whole.slice(percent + 1))) return false;
  const address = percent < 0 ? whole : whole.slice(0, percent);
  const halves = address.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [i, half] of halves.entries()) {
    if (half === '') {
      if (halves.length === 1) return false;
      continue;
    }
    const parts = half.split(':');
    for (const [k, part] of parts.entries()) {
      const isLast = i === halves.length - 1 && k === parts.length - 1;
      if (GROUP.test(part)) groups += 1;
      else if (isLast && isIPv4(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

/** 4, 6, or 0 for a text that is no address. */
export function isIP(text: unknown): 0 | 4 | 6 {
  if (isIPv4(text)) return 4;
  return isIPv6(text) ? 6 : 0;
}
