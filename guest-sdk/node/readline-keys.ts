/** `readline.emitKeypressEvents`: the characters and escape sequences of a terminal as 'keypress'. */

import { StringDecoder } from './string-decoder.ts';

export interface Key {
  sequence: string;
  name: string | undefined;
  ctrl: boolean;
  meta: boolean;
  shift: boolean;
  code?: string;
}

interface Input {
  on(event: string, listener: (...args: never[]) => void): unknown;
  removeListener(event: string, listener: (...args: never[]) => void): unknown;
  listenerCount(event: string): number;
  emit(event: string, ...args: unknown[]): boolean;
}

/** What follows the escape character, without modifiers: xterm, gnome, rxvt, putty, linux. */
const NAMES: ReadonlyMap<string, string> = new Map(
  (
    'f1 OP [11~ [[A [P|f2 OQ [12~ [[B [Q|f3 OR [13~ [[C [R|f4 OS [14~ [[D [S|f5 [15~ [[E|f6 [17~|f7 [18~|f8 [19~|f9 [20~|f10 [21~|f11 [23~|f12 [24~|' +
    'up [A OA|down [B OB|right [C OC|left [D OD|clear [E OE|end [F OF [4~ [8~|home [H OH [1~ [7~|insert [2~|delete [3~|pageup [5~ [[5~|pagedown [6~ [[6~|tab [Z'
  )
    .split('|')
    .flatMap((entry) => {
      const [name = '', ...codes] = entry.split(' ');
      return codes.map((code) => [code, name] as const);
    }),
);
/** A whole sequence after its escape character, or undefined while more could follow. */
const SEQUENCE = /^(?:O\d?[A-Za-z]|\[\[?(?:\d+(?:;\d+)*)?[A-Za-z~^$])/;
const UNFINISHED = /^(?:O\d?|\[\[?[\d;]*)$/;

function plain(sequence: string): Key {
  const key: Key = { sequence, name: undefined, ctrl: false, meta: false, shift: false };
  const code = sequence.charCodeAt(0);
  if (sequence === '\r') key.name = 'return';
  else if (sequence === '\n') key.name = 'enter';
  else if (sequence === '\t') key.name = 'tab';
  else if (sequence === '\b' || sequence === '\x7f') key.name = 'backspace';
  else if (sequence === '\x1b') key.name = 'escape';
  else if (sequence === ' ') key.name = 'space';
  else if (sequence.length === 1 && code <= 0x1a) {
    key.name = String.fromCharCode(code + 96);
    key.ctrl = true;
  } else if (/^[0-9A-Za-z]$/.test(sequence)) {
    key.name = sequence.toLowerCase();
    key.shift = /^[A-Z]$/.test(sequence);
  }
  return key;
}

function escaped(rest: string): Key {
  const parts = /^(O|\[\[?)(\d+)?(?:;(\d+))?(.)$/.exec(rest);
  const [, lead = '', first, second, last = ''] = parts ?? [];
  const letter = /[A-Za-z]/.test(last);
  const modifier = Number(second ?? (letter && lead === 'O' ? first : undefined) ?? 1) - 1;
  const code = letter ? lead + last : `${lead}${first ?? ''}~`;
  const key: Key = {
    sequence: `\x1b${rest}`,
    name: NAMES.get(code) ?? 'undefined',
    ctrl: (modifier & 4) !== 0 || last === '^',
    meta: (modifier & 10) !== 0,
    shift: (modifier & 1) !== 0 || last === '$' || code === '[Z',
    code: last === '^' || last === '$' ? `${lead}${first ?? ''}${last}` : code,
  };
  return key;
}

/** Takes one key off the front of `text`; undefined when more must come first. */
function takeKey(
  text: string,
): { key: Key; shown: string | undefined; length: number } | undefined {
  if (text[0] !== '\x1b') {
    const shown = String.fromCodePoint(text.codePointAt(0) ?? 0);
    return { key: plain(shown), shown, length: shown.length };
  }
  const rest = text.slice(1);
  const sequence = SEQUENCE.exec(rest)?.[0];
  if (sequence !== undefined) {
    return { key: escaped(sequence), shown: undefined, length: 1 + sequence.length };
  }
  if (rest === '' || UNFINISHED.test(rest)) return undefined;
  const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  const key = plain(character);
  key.meta = true;
  key.sequence = `\x1b${character}`;
  return {
    key,
    shown: undefined,
    length: 1 + character.length,
  };
}

const following = new WeakSet<object>();

export function emitKeypressEvents(stream: unknown): void {
  const input = stream as Input;
  if (following.has(input)) return;
  following.add(input);
  const decoder = new (
    StringDecoder as unknown as new (
      encoding: string,
    ) => {
      write(bytes: unknown): string;
    }
  )('utf8');
  let kept = '';
  const onData = (bytes: never): void => {
    if (input.listenerCount('keypress') === 0) {
      input.removeListener('data', onData);
      input.on('newListener', onNewListener);
      return;
    }
    kept += decoder.write(bytes);
    while (kept !== '') {
      // A lone escape at the end of what arrived is the key itself.
      const taken = takeKey(kept) ?? { key: plain('\x1b'), shown: undefined, length: 1 };
      kept = kept.slice(taken.length);
      input.emit('keypress', taken.shown, taken.key);
    }
  };
  const onNewListener = (event: never): void => {
    if (event !== 'keypress') return;
    input.on('data', onData);
    input.removeListener('newListener', onNewListener);
  };
  if (input.listenerCount('keypress') > 0) input.on('data', onData);
  else input.on('newListener', onNewListener);
}
