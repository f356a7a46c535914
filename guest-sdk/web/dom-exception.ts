/** DOMException (WebIDL, section 2.8.1), with Node's behaviour: an Error in all but its class. */

const codes: Readonly<Record<string, number>> = {
  IndexSizeError: 1,
  HierarchyRequestError: 3,
  WrongDocumentError: 4,
  InvalidCharacterError: 5,
  NoModificationAllowedError: 7,
  NotFoundError: 8,
  NotSupportedError: 9,
  InUseAttributeError: 10,
  InvalidStateError: 11,
  SyntaxError: 12,
  InvalidModificationError: 13,
  NamespaceError: 14,
  InvalidAccessError: 15,
  TypeMismatchError: 17,
  SecurityError: 18,
  NetworkError: 19,
  AbortError: 20,
  URLMismatchError: 21,
  QuotaExceededError: 22,
  TimeoutError: 23,
  InvalidNodeTypeError: 24,
  DataCloneError: 25,
};

/** Constants that are not the snake case of a name above, from the first level of the DOM. */
const legacyConstants: Readonly<Record<string, number>> = {
  DOMSTRING_SIZE_ERR: 2,
  NO_DATA_ALLOWED_ERR: 6,
  VALIDATION_ERR: 16,
};

interface Capturing {
  captureStackTrace?(target: object, above: unknown): void;
}

export interface DomExceptionOptions {
  readonly name?: string;
  readonly cause?: unknown;
}

export class DOMException extends Error {
  readonly #name: string;

  constructor(message = '', options: string | DomExceptionOptions = 'Error') {
    super(`${message}`);
    if (typeof options === 'object' && options !== null) {
      this.#name = options.name === undefined ? 'Error' : `${options.name}`;
      if ('cause' in options) {
        const { cause } = options;
        Object.defineProperty(this, 'cause', {
          value: cause,
          configurable: true,
          writable: true,
          enumerable: false,
        });
      }
    } else {
      this.#name = `${options}`;
    }
    // Again, now that the name is known: it is the first word of the stack.
    (Error as Capturing).captureStackTrace?.(this, DOMException);
  }

  override get name(): string {
    // The class's own prototype is read by inspect and has no private state.
    return #name in this ? this.#name : 'Error';
  }

  get code(): number {
    return codes[this.name] ?? 0;
  }
}

const constants: [string, number][] = Object.entries(legacyConstants);
for (const [name, code] of Object.entries(codes)) {
  const words = name
    .replace(/Error$/, '')
    .replace('InUse', 'Inuse')
    .replace('URL', 'Url');
  constants.push([`${words.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()}_ERR`, code]);
}
for (const [name, value] of constants) {
  const descriptor = { value, enumerable: true };
  Object.defineProperty(DOMException, name, descriptor);
  Object.defineProperty(DOMException.prototype, name, descriptor);
}
// Bundling may have renamed the class.
Object.defineProperty(DOMException, 'name', { value: 'DOMException', configurable: true });
Object.defineProperties(DOMException.prototype, {
  [Symbol.toStringTag]: { value: 'DOMException', configurable: true },
  name: { enumerable: true },
  code: { enumerable: true },
});
