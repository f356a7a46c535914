/** Words of commands that hv prints to be run as they are. */

/** `text` as one word of a POSIX shell: in quotes only where it needs them. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-][\w@%+=:,./~-]*$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
