/** The guest's source is at fault: missing, or not JavaScript. */

/** A fault of the guest's source. Print `text` to standard error and exit with `exitCode`. */
export class GuestLoadError extends Error {
  override readonly name = 'GuestLoadError';
  readonly text: string;
  readonly exitCode: 1 = 1;

  constructor(text: string) {
    super(text.split('\n\n').find((part) => /Error: /.test(part)) ?? text);
    this.text = text;
  }
}
