/**
 * `node:test`: tests of a script that run inside the guest, in order, with hooks, mocks and a report on
 * standard output. The run ends when nothing is left to do, and exits with 1 when a test failed. What
 * starts processes or watches files (`run`, snapshots, `--test-only`) is not here.
 */

import { processObject } from '../process-object.ts';
import { sinceBootMicros } from '../timer-wheel.ts';
import type { AbortSignal } from '../web/abort.ts';
import { exported as assert } from './assert.ts';
import { nodeError } from './node-errors.ts';
import { throwing } from './refusals.ts';
import { MockTracker } from './test-mock.ts';
import { summaryOf } from './test-report.ts';
import { type HookName, type Run, TestNode } from './test-tree.ts';
import { validateUint32 } from './validators.ts';

const PENDING = 'Promise resolution is still pending but the event loop has already resolved';
const UNPLANNED = new Set(['AssertionError', 'strict', 'CallTracker']);

const nodes = new WeakMap<object, TestNode>();

function nodeOf(context: unknown): TestNode {
  const node = nodes.get(context as object);
  if (node === undefined) throw new TypeError('Illegal invocation');
  return node;
}

class SuiteContext {
  get name(): string {
    return nodeOf(this).spec.name;
  }

  get fullName(): string {
    return nodeOf(this).fullName;
  }

  get signal(): AbortSignal {
    return nodeOf(this).abort.signal;
  }
}

class TestContext {
  #assert: object | undefined;
  #mock: MockTracker | undefined;

  get signal(): AbortSignal {
    return nodeOf(this).abort.signal;
  }

  get name(): string {
    return nodeOf(this).spec.name;
  }

  get fullName(): string {
    return nodeOf(this).fullName;
  }

  get error(): unknown {
    return nodeOf(this).failure?.cause ?? null;
  }

  get passed(): boolean {
    const node = nodeOf(this);
    return node.ended && node.failure === undefined;
  }

  /** Functions of `node:assert` that count towards the plan. */
  get assert(): object {
    if (this.#assert !== undefined) return this.#assert;
    const node = nodeOf(this);
    const counted: Record<string, unknown> = {};
    for (const [name, check] of Object.entries(assert)) {
      if (typeof check !== 'function' || UNPLANNED.has(name)) continue;
      counted[name] = (...args: unknown[]): unknown => {
        node.met++;
        return Reflect.apply(check, assert, args);
      };
    }
    this.#assert = counted;
    return counted;
  }

  get mock(): MockTracker {
    if (this.#mock === undefined) {
      const made = new MockTracker();
      this.#mock = made;
      nodeOf(this).addHook('after', () => made.reset(), {});
    }
    return this.#mock;
  }

  diagnostic(message: unknown): void {
    nodeOf(this).diagnostics.push(String(message));
  }

  plan(count: unknown): void {
    validateUint32(count, 'count');
    const node = nodeOf(this);
    if (node.planned !== undefined) {
      throw nodeError(Error, 'ERR_TEST_FAILURE', 'cannot set plan more than once');
    }
    node.planned = count as number;
  }

  runOnly(): void {
    // Without --test-only, every test runs.
  }

  skip(message?: unknown): void {
    nodeOf(this).skip = typeof message === 'string' ? message : true;
  }

  todo(message?: unknown): void {
    nodeOf(this).todo = typeof message === 'string' ? message : true;
  }

  test(...args: unknown[]): Promise<void> {
    return nodeOf(this).add(args, { suite: false });
  }

  before(body?: unknown, options?: unknown): void {
    nodeOf(this).addHook('before', body, options);
  }

  after(body?: unknown, options?: unknown): void {
    nodeOf(this).addHook('after', body, options);
  }

  beforeEach(body?: unknown, options?: unknown): void {
    nodeOf(this).addHook('beforeEach', body, options);
  }

  afterEach(body?: unknown, options?: unknown): void {
    nodeOf(this).addHook('afterEach', body, options);
  }
}

const now = (): number => sinceBootMicros() / 1000;

function write(text: string): void {
  (processObject as unknown as { stdout: { write(text: string): void } }).stdout.write(text);
}

let root: TestNode | undefined;

function onUncaught(type: 'uncaughtException' | 'unhandledRejection'): (error: unknown) => void {
  return (error) => {
    const node = root?.run.active.at(-1);
    if (node !== undefined) node.blame(type, error);
    else {
      processObject.exitCode = 1;
      write(`# Error: a test left work behind that failed: ${String(error)}\n`);
    }
  };
}

/** The root of all tests; made at the first one. */
function tests(): TestNode {
  if (root !== undefined) return root;
  const run: Run = {
    counts: { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 },
    active: [],
    print: write,
    now,
    makeContext(node) {
      const context = node.isSuite ? new SuiteContext() : new TestContext();
      nodes.set(context, node);
      return context;
    },
  };
  const spec = {
    name: '<root>',
    body: () => {},
    skip: false,
    todo: false,
    timeoutMs: Number.POSITIVE_INFINITY,
    concurrency: 1,
    signal: undefined,
    plan: undefined,
  } as const;
  const made = new TestNode(run, undefined, spec, false);
  root = made;
  const began = now();
  write('TAP version 13\n');
  const listeners = {
    uncaughtException: onUncaught('uncaughtException'),
    unhandledRejection: onUncaught('unhandledRejection'),
  };
  const events = processObject as unknown as {
    on(name: string, listener: unknown): void;
    once(name: string, listener: unknown): void;
    off(name: string, listener: unknown): void;
  };
  for (const [name, listener] of Object.entries(listeners)) events.on(name, listener);
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    made.cancel(PENDING);
    if (made.hasFailed) processObject.exitCode = 1;
    write(summaryOf(run.counts, made.reported, now() - began));
    for (const [name, listener] of Object.entries(listeners)) events.off(name, listener);
  };
  events.once('beforeExit', () => {
    made.cancel(PENDING);
    void made.finish().then((failure) => {
      if (failure !== undefined) processObject.exitCode = 1;
      end();
    });
  });
  // Somebody called process.exit().
  events.once('exit', end);
  return made;
}

/** The suite whose body is running, or the root. */
function current(): TestNode {
  return root?.run.active.at(-1) ?? tests();
}

type Add = (...args: unknown[]) => Promise<void>;

function adder(suite: boolean): Add & Record<'skip' | 'todo' | 'only', Add> {
  const add: Add = (...args) => current().add(args, { suite });
  const marked = (mark: 'skip' | 'todo' | 'only'): Add => {
    return (...args) => current().add(args, { suite, mark });
  };
  return Object.assign(add, { skip: marked('skip'), todo: marked('todo'), only: marked('only') });
}

function hook(name: HookName): (body?: unknown, options?: unknown) => void {
  return (body, options) => current().addHook(name, body, options);
}

export const exported: Record<string, unknown> = named(adder(false), 'test');

function named<T extends object>(value: T, name: string): T & Record<string, unknown> {
  Object.defineProperty(value, 'name', { value: name, configurable: true });
  return value as T & Record<string, unknown>;
}

Object.assign(exported, {
  after: hook('after'),
  afterEach: hook('afterEach'),
  before: hook('before'),
  beforeEach: hook('beforeEach'),
  describe: named(adder(true), 'suite'),
  it: exported,
  run: throwing('test', 'run', 'node --test'),
  test: exported,
  mock: new MockTracker(),
});
exported.suite = exported.describe;
