import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Server, startServer, TextClient } from './guest-process.ts';

let server: Server;
const clients: TextClient[] = [];

beforeAll(async () => {
  server = await startServer('chat.js');
});
afterAll(() => {
  for (const client of clients) client.socket.destroy();
  server.stop();
});

async function enter(nick: string, room: string): Promise<TextClient> {
  const client = new TextClient(server.port);
  clients.push(client);
  client.send(`/nick ${nick}\n/join ${room}\n`);
  await client.until((text) => text.includes(`* you are in ${room}`));
  client.text = '';
  return client;
}

function texts(received: string): string[] {
  return received.split('\n').flatMap((line) => {
    const parts = /^\[\S+ #\d+ \d{4}-\d\d-\d\dT[\d:.]+Z [0-9a-f]{8}\] (.*)$/.exec(line);
    return parts?.[1] === undefined ? [] : [parts[1]];
  });
}

test('a message reaches everybody in the room once, and nobody else', async () => {
  const [anna, ben, eve] = await Promise.all([
    enter('anna', 'tea'),
    enter('ben', 'tea'),
    enter('eve', 'other'),
  ]);
  anna.send('one\ntwo\r\n');
  ben.send('three\n');
  await anna.until((text) => texts(text).length === 3);
  await ben.until((text) => texts(text).length === 3);
  expect(texts(anna.text)).toEqual(texts(ben.text));
  expect(texts(anna.text).filter((text) => text.startsWith('anna'))).toEqual([
    'anna: one',
    'anna: two',
  ]);
  eve.send('/rooms\n');
  await eve.until((text) => text.includes('rooms\n'));
  expect(texts(eve.text)).toEqual([]);
});

test('history numbers messages without gaps and gives those after a number', async () => {
  const dan = await enter('dan', 'log');
  for (let i = 1; i <= 30; i += 1) dan.send(`m${i}\n`);
  await dan.until((text) => texts(text).length === 30);
  const live = dan.text;
  dan.text = '';
  dan.send('/history since 25\n');
  await dan.until((text) => text.includes('* end of history, 5 messages up to #30'));
  expect(live.endsWith(dan.text.split('* end')[0] ?? 'missing')).toBe(true);
  dan.text = '';
  dan.send('/history 2\n');
  await dan.until((text) => text.includes('end of history, 2'));
  expect(texts(dan.text)).toEqual(['dan: m29', 'dan: m30']);
});

test('names are unique, private messages are private, and leaving frees the name', async () => {
  const [one, two, three] = await Promise.all([
    enter('one', 'names'),
    enter('two', 'names'),
    enter('three', 'names'),
  ]);
  two.send('/nick one\n');
  await two.until((text) => text.includes('* one is taken'));
  two.send('/msg one psst\n/msg nobody x\n/who\n');
  await one.until((text) => /\[private \S+ [0-9a-f]{8}\] two: psst/.test(text));
  await two.until((text) => text.includes('* 3 here: one three two'));
  expect(two.text).toContain('* nobody here is called nobody');
  one.send('/quit\n');
  expect(await one.untilEnded()).toContain('* bye');
  await two.until((text) => text.includes('* one left names'));
  expect(three.text).not.toContain('psst');
  await enter('one', 'names');
});

test('bad commands are answered and an endless line ends the connection', async () => {
  const client = await enter('odd', 'odd');
  client.send('/nick a b\n/join !\n/constructor\n/history x\n/leave\nhello\n');
  await client.until((text) => text.includes('* join a room first'));
  expect(client.text).toContain('* a nick has 1 to 24');
  expect(client.text).toContain('* a room has 1 to 24');
  expect(client.text).toContain('* no command /constructor');
  expect(client.text).toContain('* usage: /history');
  client.send('x'.repeat(5000));
  expect(await client.untilEnded()).toContain('* lines have at most 4096 characters');
});
