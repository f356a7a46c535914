'use strict';
/**
 * A chat server for telnet, nc and programs: one line in, one line out.
 *
 *   node chat.js [port] [host]    default 6667 on 127.0.0.1; also from PORT and HOST
 *
 * Lines that begin with a slash are commands (/help lists them), all others go to everybody in the
 * room. Messages come as "[room #number time id] nick: text", everything else begins with "*".
 */

const { randomBytes } = require('node:crypto');
const net = require('node:net');

const port = Number(process.argv[2] ?? process.env.PORT ?? 6667);
const host = process.argv[3] ?? process.env.HOST ?? '127.0.0.1';

const LINE_MAX = 4096;
const NAME = /^[A-Za-z0-9_-]{1,24}$/;
const HISTORY_MAX = 20_000;
const ROOMS_MAX = 1000;

/** Members, and the last messages with their numbers; numbers begin at 1 and have no gaps. */
class Room {
  constructor(name) {
    this.name = name;
    this.members = new Set();
    this.history = [];
    this.last = 0;
  }

  post(nick, text) {
    this.last += 1;
    const id = randomBytes(4).toString('hex');
    const time = new Date().toISOString();
    const line = `[${this.name} #${this.last} ${time} ${id}] ${nick}: ${text}\n`;
    this.history.push(line);
    // Cutting a quarter at a time costs one move of the array per many messages.
    if (this.history.length > HISTORY_MAX) this.history.splice(0, HISTORY_MAX / 4);
    for (const member of this.members) member.send(line);
  }

  /** Messages whose number is above `number`, oldest first. */
  since(number) {
    const first = this.last - this.history.length + 1;
    return this.history.slice(Math.max(0, number + 1 - first));
  }
}

const rooms = new Map();
const people = new Map();

class Person {
  constructor(socket) {
    this.socket = socket;
    this.room = undefined;
    this.rest = '';
    do {
      this.nick = `guest-${randomBytes(2).toString('hex')}`;
    } while (people.has(this.nick));
    people.set(this.nick, this);
  }

  send(text) {
    this.socket.write(text);
  }

  say(text) {
    this.send(`* ${text}\n`);
  }

  receive(text) {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop();
    for (const line of lines) this.handle(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (this.rest.length > LINE_MAX) {
      this.say(`lines have at most ${LINE_MAX} characters`);
      this.socket.end();
    }
  }

  handle(line) {
    if (line === '') return;
    if (line[0] !== '/') {
      if (this.room === undefined) this.say('join a room first: /join ROOM');
      else this.room.post(this.nick, line);
      return;
    }
    const space = line.indexOf(' ');
    const name = space < 0 ? line.slice(1) : line.slice(1, space);
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) this.say(`no command /${name}, see /help`);
    else command(this, space < 0 ? '' : line.slice(space + 1).trim());
  }

  rename(nick) {
    people.delete(this.nick);
    people.set(nick, this);
    this.nick = nick;
  }

  leave() {
    const { room } = this;
    if (room === undefined) return;
    room.members.delete(this);
    this.room = undefined;
    for (const member of room.members) member.say(`${this.nick} left ${room.name}`);
  }

  join(name) {
    this.leave();
    let room = rooms.get(name);
    if (room === undefined) {
      room = new Room(name);
      rooms.set(name, room);
    }
    for (const member of room.members) member.say(`${this.nick} joined ${name}`);
    room.members.add(this);
    this.room = room;
    this.say(`you are in ${name} with ${room.members.size - 1} others, last message #${room.last}`);
  }
}

const COMMANDS = {
  help(person) {
    person.say('/nick NAME  /join ROOM  /leave  /msg NICK TEXT  /who  /rooms');
    person.say('/history [COUNT]  /history since NUMBER  /quit');
  },
  nick(person, name) {
    if (!NAME.test(name)) person.say('a nick has 1 to 24 letters, digits, - or _');
    else if ((people.get(name) ?? person) !== person) person.say(`${name} is taken`);
    else {
      person.rename(name);
      person.say(`you are ${name}`);
    }
  },
  join(person, name) {
    if (!NAME.test(name)) person.say('a room has 1 to 24 letters, digits, - or _');
    else if (!rooms.has(name) && rooms.size >= ROOMS_MAX) person.say('there are too many rooms');
    else person.join(name);
  },
  leave(person) {
    person.leave();
    person.say('you are in no room');
  },
  msg(person, rest) {
    const [nick, ...words] = rest.split(' ');
    const other = people.get(nick);
    if (other === undefined) return person.say(`nobody here is called ${nick}`);
    const id = randomBytes(4).toString('hex');
    const head = `[private ${new Date().toISOString()} ${id}]`;
    other.send(`${head} ${person.nick}: ${words.join(' ')}\n`);
    return person.say(`sent to ${nick} as ${id}`);
  },
  who(person) {
    const members = person.room === undefined ? people.values() : person.room.members;
    const names = Array.from(members, (member) => member.nick).sort();
    person.say(`${names.length} here: ${names.join(' ')}`);
  },
  rooms(person) {
    for (const room of rooms.values()) {
      person.say(`${room.name}: ${room.members.size} people, ${room.last} messages`);
    }
    person.say(`${rooms.size} rooms`);
  },
  history(person, rest) {
    if (person.room === undefined) return person.say('join a room first: /join ROOM');
    const since = /^since (\d{1,9})$/.exec(rest);
    const count = /^\d{0,9}$/.test(rest) ? Number(rest || 20) : undefined;
    if (since === null && count === undefined) {
      return person.say('usage: /history [COUNT] or /history since NUMBER');
    }
    const { room } = person;
    const lines = room.since(since === null ? room.last - count : Number(since[1]));
    person.send(lines.join(''));
    return person.say(`end of history, ${lines.length} messages up to #${room.last}`);
  },
  quit(person) {
    person.say('bye');
    person.socket.end();
  },
};

const server = net.createServer((socket) => {
  const person = new Person(socket);
  socket.setEncoding('utf8');
  socket.setNoDelay(true);
  socket.on('data', (text) => person.receive(text));
  // A reset is followed by close, which does what there is to do.
  socket.on('error', () => {});
  socket.on('close', () => {
    person.leave();
    people.delete(person.nick);
  });
  person.say(`welcome, you are ${person.nick}, ${people.size} people are here`);
});

server.listen(port, host, () => {
  console.log(`chat: listening on ${host}:${server.address().port}`);
});
