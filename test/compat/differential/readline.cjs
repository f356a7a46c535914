const readline = require('node:readline');
const { PassThrough, Readable } = require('node:stream');
const { cases, failure, once, thrown } = require('./cases.cjs');

const open = (options = {}) => {
  const input = new PassThrough();
  const output = new PassThrough();
  const rl = readline.createInterface({ input, output, ...options });
  return { input, output, rl };
};
const shown = (output) => JSON.stringify(String(output.read() ?? ''));
cases({
  'lines of every ending': async () => {
    const lines = [];
    const rl = readline.createInterface({
      input: Readable.from(['a\nb\r\nc\r', '\nd\re\n\nlast']),
    });
    rl.on('line', (line) => lines.push(line));
    await once(rl, 'close');
    console.log(lines);
  },
  crlfDelay: async () => {
    const lines = [];
    const rl = readline.createInterface({
      input: Readable.from(['a\r', '\nb']),
      crlfDelay: Infinity,
    });
    rl.on('line', (line) => lines.push(line));
    await once(rl, 'close');
    console.log(lines);
  },
  iteration: async () => {
    const lines = [];
    for await (const line of readline.createInterface({ input: Readable.from(['x\ny\n']) }))
      lines.push(line);
    console.log(lines);
  },
  'characters that are split': async () => {
    const lines = [];
    for await (const line of readline.createInterface({
      input: Readable.from([Buffer.from([0xe2, 0x82]), Buffer.from([0xac, 10])]),
    }))
      lines.push(line);
    console.log(lines);
  },
  question: async () => {
    const { input, output, rl } = open();
    const answer = new Promise((resolve) => rl.question('name? ', resolve));
    input.write('ada\n');
    console.log(await answer, shown(output));
    rl.close();
  },
  'question with a signal': async () => {
    const { rl } = open();
    const c = new AbortController();
    let called = false;
    rl.question('q', { signal: c.signal }, () => {
      called = true;
    });
    c.abort();
    rl.close();
    console.log(called);
  },
  prompt: () => {
    const { output, rl } = open({ prompt: '> ' });
    rl.prompt();
    rl.setPrompt('$ ');
    rl.prompt(true);
    console.log(shown(output), rl.getPrompt());
    rl.close();
  },
  'pause, resume, close': async () => {
    const { input, rl } = open();
    const log = [];
    for (const name of ['pause', 'resume', 'close']) rl.on(name, () => log.push(name));
    rl.pause();
    rl.resume();
    rl.close();
    rl.close();
    console.log(
      log,
      input.isPaused(),
      thrown(() => rl.question('x', () => {})),
      rl.closed,
    );
  },
  'history and terminal keys': async () => {
    const { input, output, rl } = open({ terminal: true });
    const lines = [];
    rl.on('line', (line) => lines.push(line));
    for (const keys of [
      'abc',
      '\x7f',
      'd\r',
      'second\r',
      '\x1b[A',
      '\r',
      'x y',
      '\x17',
      'z\r',
      '\x01s\x05e\r',
    ]) {
      input.write(keys);
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(lines, rl.history, output.readableLength > 0);
    rl.close();
  },
  completion: async () => {
    const { input, rl } = open({
      terminal: true,
      completer: (line) => [['hello', 'help'].filter((one) => one.startsWith(line)), line],
    });
    const line = once(rl, 'line');
    input.write('hel');
    input.write('\t');
    input.write('lo\r');
    console.log(await line);
    rl.close();
  },
  SIGINT: async () => {
    const { input, rl } = open({ terminal: true });
    const got = Promise.race([
      once(rl, 'SIGINT'),
      new Promise((resolve) => setTimeout(resolve, 500, 'none')),
    ]);
    input.write('\x03');
    console.log(await got);
    rl.close();
  },
  promises: async () => {
    const { input, output } = open();
    const { createInterface } = require('node:readline/promises');
    const rl = createInterface({ input, output });
    const answer = rl.question('? ');
    input.write('yes\n');
    console.log(await answer);
    const c = new AbortController();
    const p = failure(() => rl.question('?', { signal: c.signal }));
    c.abort();
    console.log(await p);
    rl.close();
  },
  cursors: () => {
    const output = new PassThrough();
    console.log(
      readline.cursorTo(output, 3),
      readline.cursorTo(output, 1, 2),
      readline.moveCursor(output, -1, 2),
      readline.clearLine(output, 0),
      readline.clearLine(output, -1),
      readline.clearScreenDown(output),
      shown(output),
      thrown(() => readline.cursorTo(output, Number.NaN)),
      thrown(() => readline.cursorTo(output, 'x')),
    );
  },
  keypress: async () => {
    const input = new PassThrough();
    readline.emitKeypressEvents(input);
    const keys = [];
    input.on('keypress', (_s, key) =>
      keys.push([key.name, key.ctrl, key.meta, key.shift, key.sequence]),
    );
    for (const text of [
      'a',
      'A',
      '\x1b[A',
      '\x1b[3~',
      '\x01',
      '\x1bb',
      '\r',
      '\x1b[1;5C',
      'é',
      ' ',
    ])
      input.write(text);
    await new Promise((resolve) => setTimeout(resolve, 5));
    console.log(keys);
  },
  'wrong options': () =>
    console.log(
      thrown(() => readline.createInterface({ input: new PassThrough(), completer: 5 })),
      thrown(() => readline.createInterface({ input: new PassThrough(), historySize: -1 })),
      thrown(() => readline.createInterface({ input: new PassThrough(), tabSize: 0 })),
    ),
});
