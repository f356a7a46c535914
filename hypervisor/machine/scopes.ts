/**
 * The variables of the guest's own files, read out of its closures. A variable some living function
 * can still reach is captured by a closure; the engine lists all objects, so all of them are found,
 * without a change to the image and without running anything.
 *
 * A closure does not know which function declared what it captured. The compiled image does: it is
 * compiled once more, in a scratch engine, and the functions of the two are matched by position.
 */

import { IMAGE_FILE } from '../../log-format/index.ts';
import type { Engine } from './engine.ts';
import { isException } from './engine.ts';
import { TAG } from './engine-abi.ts';
import {
  BYTECODE,
  CLOSURE_BYTES,
  CLOSURE_TYPE,
  CLOSURE_TYPE_MASK,
  FUNCTION,
  HEAP_TAG,
  VARIABLE,
} from './heap-layout.ts';
import { HeapReader } from './heap-reader.ts';

/** A function of the image as compiled. */
export interface FunctionNode {
  readonly name: string;
  /** Position in the image, from 1. */
  readonly line: number;
  readonly column: number;
  /** Bytes of source. */
  readonly length: number;
  /** Undefined for the image's outermost function. */
  readonly parent: FunctionNode | undefined;
  readonly captures: readonly Capture[];
}

/** One variable a function closes over, and where the enclosing function has it. */
interface Capture {
  readonly name: string;
  readonly type: number;
  readonly index: number;
}

/** A variable as declared: one per place in the source, however many live instances it has. */
export interface Declaration {
  /** As the image spells it. */
  readonly name: string;
  readonly owner: FunctionNode;
  readonly isArgument: boolean;
}

/** A declared variable and its living instances: several when its function ran several times. */
export interface Variable {
  readonly declaration: Declaration;
  /** The engine's records of them, shared by all closures over one; see `addressOf`. */
  readonly records: readonly number[];
}

/** Address of the value of a variable. It moves when the function that declared it returns. */
export function addressOf(reader: HeapReader, record: number): number {
  return reader.u32(record + VARIABLE.value);
}

/** What the closure `object` captures of enclosing functions; globals are not among it. */
export function capturedBy(
  reader: HeapReader,
  object: number,
): {
  readonly name: string;
  readonly index: number;
  readonly record: number;
  readonly valueAt: number;
}[] {
  const bytecode = reader.u32(object + FUNCTION.bytecode);
  const records = reader.u32(object + FUNCTION.variables);
  return captures(reader, bytecode).flatMap(({ name, type }, index) => {
    if (type > CLOSURE_TYPE.outer) return [];
    const record = reader.u32(records + 4 * index);
    return [{ name, index, record, valueAt: addressOf(reader, record) }];
  });
}

function captures(reader: HeapReader, bytecode: number): Capture[] {
  const from = reader.u32(bytecode + BYTECODE.closure);
  const count = reader.count(bytecode + BYTECODE.closureCount);
  return Array.from({ length: count }, (_, position) => {
    const at = from + CLOSURE_BYTES * position;
    const head = reader.u32(at);
    const name = reader.atom(reader.u32(at + 4)).text;
    return { name, type: head & CLOSURE_TYPE_MASK, index: head >>> 16 };
  });
}

/** Where a function begins in its file, from 1: the first two numbers of its position table. */
function functionPosition(
  reader: HeapReader,
  bytecode: number,
): { readonly line: number; readonly column: number } {
  const from = reader.u32(bytecode + BYTECODE.positions);
  const end = from + reader.count(bytecode + BYTECODE.positionLength);
  let at = from;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; at < end && shift < 35; shift += 7) {
      const byte = reader.engine.u8[at++] as number;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return value;
  };
  const line = next() + 1;
  return { line, column: next() + 1 };
}

/** The functions of an image, by position. */
export class FunctionTree {
  readonly root: FunctionNode | undefined;
  readonly nodes: readonly FunctionNode[];
  readonly #byKey = new Map<string, FunctionNode>();
  readonly #declarations = new Map<FunctionNode, Map<string, Declaration>>();

  /** Compiles `image` in `engine`, which must be a scratch engine. Nothing of the image runs. */
  constructor(engine: Engine, image: Uint8Array) {
    const reader = new HeapReader(engine);
    const value = engine.evaluate(image, IMAGE_FILE);
    const nodes: FunctionNode[] = [];
    if (!isException(engine, value) && engine.tag(value) === TAG.object) {
      const object = reader.u32(value);
      if (reader.isClosure(object))
        this.root = this.#visit(reader, reader.u32(object + FUNCTION.bytecode), undefined, nodes);
    }
    this.nodes = nodes;
    engine.freeValue(value);
  }

  /** The variables of this image that living closures capture and that are initialised. */
  variables(reader: HeapReader): Variable[] {
    const known = new Map<number, readonly (Declaration | undefined)[]>();
    const seen = new Set<number>();
    const found = new Map<Declaration, number[]>();
    for (const object of reader.closures()) {
      const bytecode = reader.u32(object + FUNCTION.bytecode);
      let declarations = known.get(bytecode);
      if (declarations === undefined) {
        declarations = this.#declared(reader, bytecode);
        known.set(bytecode, declarations);
      }
      const records = reader.u32(object + FUNCTION.variables);
      for (let index = 0; index < declarations.length; index++) {
        const declaration = declarations[index];
        const record = reader.u32(records + 4 * index);
        if (declaration === undefined || seen.has(record)) continue;
        seen.add(record);
        if (reader.u32(addressOf(reader, record) + 4) === HEAP_TAG.uninitialized) continue;
        const instances = found.get(declaration);
        if (instances === undefined) found.set(declaration, [record]);
        else instances.push(record);
      }
    }
    return [...found].map(([declaration, records]) => ({ declaration, records }));
  }

  #visit(
    reader: HeapReader,
    bytecode: number,
    parent: FunctionNode | undefined,
    nodes: FunctionNode[],
  ): FunctionNode {
    const node: FunctionNode = {
      name: reader.atom(reader.u32(bytecode + BYTECODE.name)).text,
      ...functionPosition(reader, bytecode),
      length: reader.u32(bytecode + BYTECODE.sourceLength),
      parent,
      captures: captures(reader, bytecode),
    };
    nodes.push(node);
    this.#byKey.set(keyOf(node), node);
    const constants = reader.u32(bytecode + BYTECODE.constants);
    const count = reader.count(bytecode + BYTECODE.constantCount);
    for (let index = 0; index < count; index++)
      if (reader.u32(constants + 8 * index + 4) === HEAP_TAG.bytecode >>> 0)
        this.#visit(reader, reader.u32(constants + 8 * index), node, nodes);
    return node;
  }

  /** By closure variable of a function in memory; undefined for globals and for other files. */
  #declared(reader: HeapReader, bytecode: number): (Declaration | undefined)[] {
    if (reader.atom(reader.u32(bytecode + BYTECODE.file)).text !== IMAGE_FILE) return [];
    const own = captures(reader, bytecode);
    if (own.length === 0) return [];
    const node = this.#byKey.get(
      keyOf({
        name: reader.atom(reader.u32(bytecode + BYTECODE.name)).text,
        ...functionPosition(reader, bytecode),
        length: reader.u32(bytecode + BYTECODE.sourceLength),
        captures: own,
      }),
    );
    return node === undefined ? [] : own.map((_, index) => this.#resolve(node, index));
  }

  /** Follows a closure variable outwards to the function that declares it. */
  #resolve(from: FunctionNode, at: number): Declaration | undefined {
    let node = from;
    let index = at;
    for (;;) {
      const capture = node.captures[index];
      const { parent } = node;
      if (capture === undefined || parent === undefined) return undefined;
      const { name, type } = capture;
      if (type === CLOSURE_TYPE.local || type === CLOSURE_TYPE.argument)
        return this.#declaration(parent, name, type, capture.index);
      if (type !== CLOSURE_TYPE.outer) return undefined;
      node = parent;
      index = capture.index;
    }
  }

  #declaration(owner: FunctionNode, name: string, type: number, index: number): Declaration {
    const declared = this.#declarations.get(owner) ?? new Map<string, Declaration>();
    this.#declarations.set(owner, declared);
    const key = `${type} ${index}`;
    const known = declared.get(key);
    if (known !== undefined) return known;
    const made = { name, owner, isArgument: type === CLOSURE_TYPE.argument };
    declared.set(key, made);
    return made;
  }
}

/** Two functions alike in all of this are the same one, or cannot be told apart by anything. */
function keyOf(
  node: Pick<FunctionNode, 'name' | 'line' | 'column' | 'length' | 'captures'>,
): string {
  const names = node.captures.map(({ name, type }) => `${type}${name}`).join();
  return `${node.line}:${node.column}:${node.length}:${node.name}:${names}`;
}

/** Address of the value some closure of `file` has under `name`; 0 when there is none. */
export function findCaptured(reader: HeapReader, file: string, name: string): number {
  const seen = new Set<number>();
  for (const object of reader.closures()) {
    const bytecode = reader.u32(object + FUNCTION.bytecode);
    if (seen.has(bytecode)) continue;
    seen.add(bytecode);
    if (reader.atom(reader.u32(bytecode + BYTECODE.file)).text !== file) continue;
    const found = capturedBy(reader, object).find((one) => one.name === name);
    if (found !== undefined) return found.valueAt;
  }
  return 0;
}
