/** The text/event-stream format (HTML, section 9.2.5), line by line as it arrives. */

export interface EventStreamSink {
  event(type: string, data: string, lastEventId: string): void;
  retry(ms: number): void;
}

export class EventStreamParser {
  readonly #sink: EventStreamSink;
  #rest = '';
  #afterCr = false;
  #data: string | undefined;
  #type = '';
  /** What a connection that is made anew tells the server. */
  lastEventId = '';
  #id = '';

  constructor(sink: EventStreamSink, lastEventId: string) {
    this.#sink = sink;
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /** Takes decoded text, cut anywhere. */
  push(given: string): void {
    // A line feed right after a carriage return ended no line of its own.
    let text = this.#afterCr && given.startsWith('\n') ? given.slice(1) : given;
    if (given !== '') this.#afterCr = given.endsWith('\r');
    text = this.#rest + text;
    const lines = text.split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.#sink.retry(Number(value));
  }

  #dispatch(): void {
    const data = this.#data;
    const type = this.#type;
    this.lastEventId = this.#id;
    this.#data = undefined;
    this.#type = '';
    if (data !== undefined) this.#sink.event(type || 'message', data, this.lastEventId);
  }
}
