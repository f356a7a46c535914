'use strict';
/** Commands on strings, and on keys whatever they hold. */

const { List, Members } = require('./keyspace.js');
const { SortedSet } = require('./sorted-sets.js');
const { globToRegExp } = require('./glob.js');
const R = require('./resp.js');

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A whole number of at most 64 bits: a number where it is exact, a BigInt beyond; else undefined. */
function parseInteger(text) {
  if (text.length <= 15) {
    const value = Number(text);
    return String(value) === text && Number.isInteger(value) ? value : undefined;
  }
  if (!/^-?[1-9][0-9]{0,18}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > INT64_MAX || value < INT64_MIN ? undefined : value;
}

function increment(db, key, amount) {
  const old = db.get(key) ?? '0';
  if (typeof old !== 'string') return R.WRONG_TYPE;
  const value = parseInteger(old);
  if (value === undefined) return R.NOT_INTEGER;
  let sum;
  if (typeof value === 'number' && typeof amount === 'number') {
    sum = value + amount;
  } else {
    sum = BigInt(value) + BigInt(amount);
    if (sum > INT64_MAX || sum < INT64_MIN) {
      return R.failure('increment or decrement would overflow');
    }
  }
  const text = String(sum);
  db.update(key, text);
  return `:${text}\r\n`;
}

/** The deadline in milliseconds that EX, PX, EXAT or PXAT stand for; a string is an error reply. */
function deadlineOf(unit, text, command) {
  const amount = parseInteger(text);
  if (amount === undefined) return R.NOT_INTEGER;
  const millis = unit[0] === 'E' ? Number(amount) * 1000 : Number(amount);
  if (!(millis > 0) || millis > Number.MAX_SAFE_INTEGER) {
    return R.failure(`invalid expire time in '${command}' command`);
  }
  return unit.endsWith('AT') ? millis : Date.now() + millis;
}

function setWithOptions(db, args) {
  const [, key, value] = args;
  let deadline;
  let onlyIf = '';
  let keep = false;
  let answerOld = false;
  for (let i = 3; i < args.length; i += 1) {
    const option = args[i].toUpperCase();
    if ((option === 'NX' || option === 'XX') && onlyIf === '') {
      onlyIf = option;
    } else if (option === 'GET') {
      answerOld = true;
    } else if (option === 'KEEPTTL' && deadline === undefined) {
      keep = true;
    } else if (/^(EX|PX|EXAT|PXAT)$/.test(option) && deadline === undefined && !keep) {
      i += 1;
      if (i === args.length) return R.SYNTAX;
      deadline = deadlineOf(option, args[i], 'set');
      if (typeof deadline === 'string') return deadline;
    } else {
      return R.SYNTAX;
    }
  }
  const old = db.get(key);
  if (answerOld && old !== undefined && typeof old !== 'string') return R.WRONG_TYPE;
  if (onlyIf !== '' && (old === undefined) === (onlyIf === 'XX')) {
    return answerOld ? R.bulk(old) : R.NIL;
  }
  if (keep) db.update(key, value);
  else db.set(key, value);
  if (deadline !== undefined) db.expireAt(key, deadline);
  return answerOld ? R.bulk(old) : R.OK;
}

function setWithDeadline(db, args, unit) {
  const deadline = deadlineOf(unit, args[2], args[0].toLowerCase());
  if (typeof deadline === 'string') return deadline;
  db.set(args[1], args[3]);
  db.expireAt(args[1], deadline);
  return R.OK;
}

function expire(db, key, text, factor) {
  const amount = parseInteger(text);
  if (amount === undefined) return R.NOT_INTEGER;
  if (!db.has(key)) return R.ZERO;
  const deadline = Date.now() + Number(amount) * factor;
  if (Number(amount) <= 0) db.delete(key);
  else db.expireAt(key, deadline);
  return R.ONE;
}

/** Milliseconds left; -1 without a deadline, -2 without the key. */
function timeLeft(db, key) {
  if (!db.has(key)) return -2;
  const deadline = db.deadlines.get(key);
  return deadline === undefined ? -1 : deadline - Date.now();
}

function typeOf(value) {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return 'string';
  if (value instanceof List) return 'list';
  if (value instanceof SortedSet) return 'zset';
  return value instanceof Members ? 'set' : 'hash';
}

function readString(db, key) {
  const value = db.get(key);
  return value === undefined || typeof value === 'string' ? R.bulk(value) : R.WRONG_TYPE;
}

function deleteAll(db, args) {
  let count = 0;
  for (let i = 1; i < args.length; i += 1) if (db.delete(args[i])) count += 1;
  return R.integer(count);
}

/** Name: [arity, handler]. A negative arity is a minimum; the command's name counts. */
module.exports = {
  GET: [2, (db, args) => readString(db, args[1])],
  SET: [
    -3,
    (db, args) => {
      if (args.length > 3) return setWithOptions(db, args);
      db.set(args[1], args[2]);
      return R.OK;
    },
  ],
  SETNX: [
    3,
    (db, args) => {
      if (db.has(args[1])) return R.ZERO;
      db.set(args[1], args[2]);
      return R.ONE;
    },
  ],
  SETEX: [4, (db, args) => setWithDeadline(db, args, 'EX')],
  PSETEX: [4, (db, args) => setWithDeadline(db, args, 'PX')],
  GETSET: [
    3,
    (db, args) => {
      const old = readString(db, args[1]);
      if (old !== R.WRONG_TYPE) db.set(args[1], args[2]);
      return old;
    },
  ],
  GETDEL: [
    2,
    (db, args) => {
      const old = readString(db, args[1]);
      if (old !== R.WRONG_TYPE) db.delete(args[1]);
      return old;
    },
  ],
  MGET: [
    -2,
    (db, args) => {
      let out = `*${args.length - 1}\r\n`;
      for (let i = 1; i < args.length; i += 1) {
        const value = db.get(args[i]);
        out += typeof value === 'string' ? R.bulk(value) : R.NIL;
      }
      return out;
    },
  ],
  MSET: [
    -3,
    (db, args) => {
      if (args.length % 2 === 0) return R.failure("wrong number of arguments for 'mset' command");
      for (let i = 1; i < args.length; i += 2) db.set(args[i], args[i + 1]);
      return R.OK;
    },
  ],
  APPEND: [
    3,
    (db, args) => {
      const old = db.get(args[1]) ?? '';
      if (typeof old !== 'string') return R.WRONG_TYPE;
      const value = old + args[2];
      db.update(args[1], value);
      return R.integer(value.length);
    },
  ],
  STRLEN: [
    2,
    (db, args) => {
      const value = db.get(args[1]) ?? '';
      return typeof value === 'string' ? R.integer(value.length) : R.WRONG_TYPE;
    },
  ],
  INCR: [2, (db, args) => increment(db, args[1], 1)],
  DECR: [2, (db, args) => increment(db, args[1], -1)],
  INCRBY: [
    3,
    (db, args) => {
      const amount = parseInteger(args[2]);
      return amount === undefined ? R.NOT_INTEGER : increment(db, args[1], amount);
    },
  ],
  DECRBY: [
    3,
    (db, args) => {
      const amount = parseInteger(args[2]);
      return amount === undefined ? R.NOT_INTEGER : increment(db, args[1], -amount);
    },
  ],
  DEL: [-2, deleteAll],
  UNLINK: [-2, deleteAll],
  EXISTS: [
    -2,
    (db, args) => {
      let count = 0;
      for (let i = 1; i < args.length; i += 1) if (db.has(args[i])) count += 1;
      return R.integer(count);
    },
  ],
  TYPE: [2, (db, args) => `+${typeOf(db.get(args[1]))}\r\n`],
  EXPIRE: [3, (db, args) => expire(db, args[1], args[2], 1000)],
  PEXPIRE: [3, (db, args) => expire(db, args[1], args[2], 1)],
  TTL: [
    2,
    (db, args) => {
      const left = timeLeft(db, args[1]);
      return R.integer(left < 0 ? left : Math.floor((left + 500) / 1000));
    },
  ],
  PTTL: [2, (db, args) => R.integer(timeLeft(db, args[1]))],
  PERSIST: [2, (db, args) => (db.has(args[1]) && db.persist(args[1]) ? R.ONE : R.ZERO)],
  KEYS: [
    2,
    (db, args) => {
      const pattern = globToRegExp(args[1]);
      const found = [];
      for (const key of db.keys()) if (pattern.test(key)) found.push(key);
      return R.array(found);
    },
  ],
  RANDOMKEY: [1, (db) => R.bulk(db.randomKey())],
  DBSIZE: [1, (db) => R.integer(db.size)],
  FLUSHALL: [-1, (db) => (db.clear(), R.OK)],
  FLUSHDB: [-1, (db) => (db.clear(), R.OK)],
};
