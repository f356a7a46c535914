'use strict';
/** Glob patterns of KEYS and CONFIG GET: * ? [abc] [^a-z] and a backslash before a plain character. */

function globToRegExp(glob, flags = '') {
  let source = '';
  for (let i = 0; i < glob.length; i += 1) {
    const c = glob[i];
    if (c === '*') {
      // A run of stars means one; each would multiply the ways to match.
      if (glob[i - 1] !== '*' || glob[i - 2] === '\\') source += '.*';
    } else if (c === '?') {
      source += '.';
    } else if (c === '[') {
      const end = closingBracket(glob, i + 1);
      const negative = glob[i + 1] === '^';
      const body = glob.slice(i + (negative ? 2 : 1), end).replace(/[\\\]^[]/g, '\\$&');
      source += body === '' ? (negative ? '.' : '(?!)') : `[${negative ? '^' : ''}${body}]`;
      i = end;
    } else {
      if (c === '\\' && i + 1 < glob.length) i += 1;
      source += glob[i].replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, `s${flags}`);
}

function closingBracket(glob, from) {
  const end = glob.indexOf(']', from);
  return end < 0 ? glob.length : end;
}

module.exports = { globToRegExp };
