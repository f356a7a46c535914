/** The tree of tests of `node:test`: how one runs, waits for those inside it, and ends. */

import { AbortController } from '../web/abort.ts';
import { nodeError } from './node-errors.ts';
import { type Hook, readHook, readTest, type TestBody, type TestSpec } from './test-options.ts';
import {
  type Counts,
  count,
  type Failure,
  type FailureType,
  type Outcome,
  reportOf,
} from './test-report.ts';
import { clearTimeout, setTimeout } from './timers.ts';

export type HookName = 'before' | 'after' | 'beforeEach' | 'afterEach';

/** What all tests of one guest share. */
export interface Run {
  readonly counts: Counts;
  /** Tests inside their bodies, the latest last: what nobody caught is laid at the last one's door. */
  readonly active: TestNode[];
  /** A test at the top has ended. */
  print(report: string): void;
  now(): number;
  makeContext(node: TestNode): object;
}

class Stopped extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super('stopped');
    this.failure = failure;
  }
}

function testError(type: FailureType, message: string): Failure {
  return { type, cause: nodeError(Error, 'ERR_TEST_FAILURE', message) };
}

const plural = (many: number): string => `${many} subtest${many === 1 ? '' : 's'} failed`;

/** Ends when the body does: by its promise, its callback, or at once. */
function callBody(body: TestBody, context: object, wantsCallback: boolean): unknown {
  if (!wantsCallback) return Reflect.apply(body, context, [context]);
  return new Promise<void>((resolve, reject) => {
    const done = (error: unknown): void => (error ? reject(error) : resolve());
    const returned = Reflect.apply(body, context, [context, done]);
    if (returned instanceof Promise) {
      reject(nodeError(Error, 'ERR_TEST_FAILURE', 'passed a callback but also returned a Promise'));
    }
  });
}

export class TestNode {
  readonly run: Run;
  readonly parent: TestNode | undefined;
  readonly spec: TestSpec;
  readonly isSuite: boolean;
  readonly context: object;
  readonly hooks: Record<HookName, Hook[]> = {
    before: [],
    after: [],
    beforeEach: [],
    afterEach: [],
  };
  readonly abort: AbortController = new AbortController();
  readonly diagnostics: string[] = [];
  readonly #children: TestNode[] = [];
  readonly #reports: string[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #promises: Promise<void>[] = [];
  #running = 0;
  /** A suite's tests wait until its own turn has come. */
  #isOpen = false;
  #printed = 0;
  #failed = 0;
  #began = 0;
  #beforeDone: Promise<void> | undefined;
  #stop: ((stopped: Stopped) => void) | undefined;
  #collected: unknown;
  failure: Failure | undefined;
  ended = false;
  skip: boolean | string;
  todo: boolean | string;
  planned: number | undefined;
  /** Assertions and subtests towards the plan. */
  met = 0;

  constructor(run: Run, parent: TestNode | undefined, spec: TestSpec, isSuite: boolean) {
    this.run = run;
    this.parent = parent;
    this.spec = spec;
    this.isSuite = isSuite;
    this.skip = spec.skip || parent?.skip || false;
    this.todo = spec.todo || parent?.todo || false;
    this.planned = spec.plan;
    this.context = run.makeContext(this);
    this.#began = run.now();
  }

  get fullName(): string {
    const outer = this.parent?.parent === undefined ? '' : `${this.parent.fullName} > `;
    return outer + this.spec.name;
  }

  /** A test or suite inside this one; the promise ends with it, however it ends. */
  add(
    args: readonly unknown[],
    kind: { suite: boolean; mark?: 'skip' | 'todo' | 'only' },
  ): Promise<void> {
    const spec = readTest(args, this.isSuite ? this.spec.concurrency : 1, kind.mark);
    const child = new TestNode(this.run, this, spec, kind.suite);
    this.#children.push(child);
    if (!kind.suite) this.met++;
    if (this.ended) {
      child.#end(
        testError('cancelledByParent', 'test could not be started because its parent finished'),
      );
      return Promise.resolve();
    }
    if (kind.suite && child.skip === false) child.#collect();
    const ending = this.#whenFree().then(() => child.#start());
    this.#promises.push(ending);
    return ending;
  }

  addHook(name: HookName, body: unknown, options: unknown): void {
    this.hooks[name].push(readHook(body, options));
  }

  /** Lays an error that nobody caught at this test's door. */
  blame(type: FailureType, cause: unknown): void {
    const failure = { type, cause };
    if (this.#stop === undefined) this.failure ??= failure;
    else this.#stop(new Stopped(failure));
  }

  /** Ends everything that has not ended: nothing is left that could end it. */
  cancel(message: string): void {
    for (const child of this.#children) child.cancel(message);
    if (!this.ended && this.parent !== undefined)
      this.#end(testError('cancelledByParent', message));
  }

  get reported(): number {
    return this.#reports.length;
  }

  /** Runs `after` of the whole run; the error of one that failed. */
  async finish(): Promise<Failure | undefined> {
    try {
      await this.#runHooks('after', this);
    } catch (error) {
      return { type: 'hookFailed', cause: error };
    }
    return undefined;
  }

  /** A suite's body runs at once: it says which tests there are. */
  #collect(): void {
    this.run.active.push(this);
    try {
      this.#collected = this.spec.body.call(this.context, this.context);
      // A suite that fails later says so when its turn comes.
      if (this.#collected instanceof Promise) this.#collected.catch(() => {});
    } catch (error) {
      this.failure = { type: 'testCodeFailure', cause: error };
    } finally {
      this.run.active.splice(this.run.active.lastIndexOf(this), 1);
    }
  }

  async #whenFree(): Promise<void> {
    // Tests begin when the script that names them has run on.
    await Promise.resolve();
    const limit = this.spec.concurrency;
    if (this.#running >= limit || (this.isSuite && !this.#isOpen)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
  }

  #release(): void {
    if (this.#running < this.spec.concurrency) this.#waiting.shift()?.();
  }

  async #start(): Promise<void> {
    this.#began = this.run.now();
    if (!this.ended) {
      if (this.skip !== false) this.#end(undefined);
      else await this.#perform();
    }
    const { parent } = this;
    if (parent === undefined) return;
    parent.#running--;
    parent.#release();
  }

  async #perform(): Promise<void> {
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = reject;
    });
    stopped.catch(() => {});
    const { timeoutMs, signal } = this.spec;
    const timer =
      timeoutMs === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => {
            this.blame(...this.#late(timeoutMs));
          }, timeoutMs);
    const onAbort = (): void => this.blame('testAborted', signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    let failure = this.failure;
    try {
      await Promise.race([stopped, this.isSuite ? this.#suite() : this.#test()]);
    } catch (error) {
      failure ??=
        error instanceof Stopped ? error.failure : { type: 'testCodeFailure', cause: error };
    }
    this.#stop = undefined;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    for (const child of this.#children) {
      child.cancel('test did not finish before its parent and was cancelled');
    }
    failure ??= await this.#tidy();
    failure ??= this.failure;
    if (failure === undefined && this.#failed > 0)
      failure = testError('subtestsFailed', plural(this.#failed));
    this.#end(failure);
  }

  #late(timeoutMs: number): [FailureType, unknown] {
    const { type, cause } = testError('testTimeoutFailure', `test timed out after ${timeoutMs}ms`);
    return [type, cause];
  }

  async #suite(): Promise<void> {
    await this.#collected;
    if (this.#children.length > 0) await this.#before();
    this.#isOpen = true;
    const open = Math.min(this.spec.concurrency, this.#waiting.length);
    for (let index = 0; index < open; index++) this.#waiting.shift()?.();
    await Promise.all(this.#promises);
  }

  async #test(): Promise<void> {
    const { parent } = this;
    if (parent !== undefined) await parent.#before();
    await this.#runHooks('beforeEach', parent);
    const { active } = this.run;
    active.push(this);
    try {
      const { body } = this.spec;
      await callBody(body, this.context, body.length > 1);
    } finally {
      active.splice(active.lastIndexOf(this), 1);
    }
    const { planned, met } = this;
    if (planned !== undefined && planned !== met) {
      throw nodeError(
        Error,
        'ERR_TEST_FAILURE',
        `plan expected ${planned} assertions but received ${met}`,
      );
    }
  }

  #before(): Promise<void> {
    this.#beforeDone ??= this.#runHooks('before', this);
    return this.#beforeDone;
  }

  async #tidy(): Promise<Failure | undefined> {
    try {
      await this.#runHooks('after', this);
      if (!this.isSuite) await this.#runHooks('afterEach', this.parent);
    } catch (cause) {
      return { type: 'hookFailed', cause };
    }
    return undefined;
  }

  /** Those of each level, from the outermost for what comes before a test, else from the innermost. */
  async #runHooks(name: HookName, node: TestNode | undefined): Promise<void> {
    if (node === undefined) return;
    if (name === 'beforeEach') await this.#runHooks(name, node.parent);
    for (const { body, timeoutMs } of node.hooks[name]) {
      await limited(callBody(body, this.context, body.length > 1), timeoutMs);
    }
    if (name === 'afterEach') await this.#runHooks(name, node.parent);
  }

  #end(failure: Failure | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure;
    this.abort.abort();
    const outcome: Outcome = {
      name: this.spec.name,
      isSuite: this.isSuite,
      failure,
      skip: this.skip,
      todo: this.todo,
      durationMs: this.run.now() - this.#began,
      diagnostics: this.diagnostics,
      inner: this.skip === false ? this.#reports : [],
    };
    if (this.skip === false || !this.parent?.skip) count(this.run.counts, outcome);
    if (this.parent !== undefined) this.parent.#take(this, outcome);
  }

  /** Reports come in the order of the tests, whichever ended first. */
  #take(child: TestNode, outcome: Outcome): void {
    if (outcome.failure !== undefined && outcome.todo === false) this.#failed++;
    const number = this.#children.indexOf(child) + 1;
    this.#reports[number - 1] = reportOf(outcome, number);
    if (this.parent === undefined) this.#print();
  }

  #print(): void {
    for (;;) {
      const report = this.#reports[this.#printed];
      if (report === undefined) return;
      this.#printed++;
      this.run.print(report);
    }
  }

  get hasFailed(): boolean {
    return this.#failed > 0;
  }
}

async function limited(work: unknown, timeoutMs: number): Promise<void> {
  if (timeoutMs === Number.POSITIVE_INFINITY) {
    await work;
    return;
  }
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    const error = nodeError(Error, 'ERR_TEST_FAILURE', `hook timed out after ${timeoutMs}ms`);
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  try {
    await Promise.race([late, work]);
  } finally {
    clearTimeout(timer as never);
  }
}
