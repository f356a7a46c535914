/** What the checkers of a demo count, and the few findings a person wants to read. Pure. */

export type Fault = 'lost' | 'doubled' | 'outOfOrder' | 'wrong';

/** Findings beyond this many are counted and not kept: one bug makes thousands of them. */
const FINDINGS_MAX = 20;

export class Tally {
  /** Requests that left, those sent again after a failover included. */
  requests = 0;
  /** Replies that came back. The others were cut off, and reading back settled them. */
  answered = 0;
  /** Acknowledged effects that are gone. */
  lost = 0;
  /** Effects that are there more than once. */
  doubled = 0;
  outOfOrder = 0;
  /** Replies and values that no order of the requests explains. */
  wrong = 0;
  /** Clients that got no answer at the end. */
  stuck = 0;
  readonly findings: string[] = [];
  /** Milliseconds each client waited for an answer around a lost connection. */
  readonly gapsMs: number[] = [];

  fault(fault: Fault, count: number, text: string): void {
    if (count === 0) return;
    this[fault] += count;
    this.note(`${fault} ${count}: ${text}`);
  }

  note(text: string): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push(text);
  }

  get clean(): boolean {
    return this.lost + this.doubled + this.outOfOrder + this.wrong + this.stuck === 0;
  }
}
