'use strict';
/** Commands on lists, sets and hashes. A collection that becomes empty is removed with its key. */

const { List, Members } = require('./keyspace.js');
const R = require('./resp.js');

/** The value of `key` if it is a `Kind`, undefined without the key, null when it is another type. */
function find(db, key, Kind) {
  const value = db.get(key);
  return value === undefined || value instanceof Kind ? value : null;
}

function findOrMake(db, key, Kind) {
  const found = find(db, key, Kind);
  if (found !== undefined) return found;
  const made = new Kind();
  db.set(key, made);
  return made;
}

function push(db, args, first) {
  const list = findOrMake(db, args[1], List);
  if (list === null) return R.WRONG_TYPE;
  for (let i = 2; i < args.length; i += 1) {
    if (first) list.pushFirst(args[i]);
    else list.pushLast(args[i]);
  }
  return R.integer(list.length);
}

/** An optional count argument: undefined without one, null when it is no count. */
function countOf(args) {
  if (args.length === 2) return undefined;
  return args.length === 3 && /^[0-9]{1,9}$/.test(args[2]) ? Number(args[2]) : null;
}

function pop(db, args, first) {
  const count = countOf(args);
  if (count === null) return R.failure('value is out of range, must be positive');
  const list = find(db, args[1], List);
  if (list === null) return R.WRONG_TYPE;
  if (list === undefined) return count === undefined ? R.NIL : '*-1\r\n';
  const out = [];
  for (let i = Math.min(count ?? 1, list.length); i > 0; i -= 1) {
    out.push(first ? list.popFirst() : list.popLast());
  }
  if (list.length === 0) db.delete(args[1]);
  return count === undefined ? R.bulk(out[0]) : R.array(out);
}

function range(db, args) {
  if (!/^-?\d{1,15}$/.test(args[2]) || !/^-?\d{1,15}$/.test(args[3])) return R.NOT_INTEGER;
  const list = find(db, args[1], List);
  if (list === null) return R.WRONG_TYPE;
  if (list === undefined) return R.EMPTY;
  let from = Number(args[2]);
  let to = Number(args[3]);
  if (from < 0) from = Math.max(0, from + list.length);
  if (to < 0) to += list.length;
  to = Math.min(to, list.length - 1);
  if (from > to) return R.EMPTY;
  let out = `*${to - from + 1}\r\n`;
  for (let i = from; i <= to; i += 1) out += R.bulk(list.at(i));
  return out;
}

function popMember(db, args) {
  const count = countOf(args);
  if (count === null) return R.failure('value is out of range, must be positive');
  const set = find(db, args[1], Members);
  if (set === null) return R.WRONG_TYPE;
  if (set === undefined) return count === undefined ? R.NIL : R.EMPTY;
  const out = [];
  for (let i = Math.min(count ?? 1, set.size); i > 0; i -= 1) {
    const member = set.random();
    set.delete(member);
    out.push(member);
  }
  if (set.size === 0) db.delete(args[1]);
  return count === undefined ? R.bulk(out[0]) : R.array(out);
}

function setFields(db, args) {
  if (args.length % 2 !== 0) return R.failure("wrong number of arguments for 'hset' command");
  const hash = findOrMake(db, args[1], Map);
  if (hash === null) return R.WRONG_TYPE;
  const before = hash.size;
  for (let i = 2; i < args.length; i += 2) hash.set(args[i], args[i + 1]);
  return R.integer(hash.size - before);
}

function removeFrom(db, args, Kind) {
  const collection = find(db, args[1], Kind);
  if (collection === null) return R.WRONG_TYPE;
  if (collection === undefined) return R.ZERO;
  let count = 0;
  for (let i = 2; i < args.length; i += 1) if (collection.delete(args[i])) count += 1;
  if (collection.size === 0) db.delete(args[1]);
  return R.integer(count);
}

/** A command that reads one collection: `read` sees it, `absent` is the answer without the key. */
function reading(Kind, absent, read) {
  return (db, args) => {
    const found = find(db, args[1], Kind);
    if (found === null) return R.WRONG_TYPE;
    return found === undefined ? absent : read(found, args);
  };
}

module.exports = {
  LPUSH: [-3, (db, args) => push(db, args, true)],
  RPUSH: [-3, (db, args) => push(db, args, false)],
  LPOP: [-2, (db, args) => pop(db, args, true)],
  RPOP: [-2, (db, args) => pop(db, args, false)],
  LRANGE: [4, range],
  LLEN: [2, reading(List, R.ZERO, (list) => R.integer(list.length))],
  SADD: [
    -3,
    (db, args) => {
      const set = findOrMake(db, args[1], Members);
      if (set === null) return R.WRONG_TYPE;
      let count = 0;
      for (let i = 2; i < args.length; i += 1) if (set.add(args[i])) count += 1;
      return R.integer(count);
    },
  ],
  SREM: [-3, (db, args) => removeFrom(db, args, Members)],
  SMEMBERS: [2, reading(Members, R.EMPTY, (set) => R.array(set.list))],
  SISMEMBER: [3, reading(Members, R.ZERO, (set, args) => (set.has(args[2]) ? R.ONE : R.ZERO))],
  SCARD: [2, reading(Members, R.ZERO, (set) => R.integer(set.size))],
  SPOP: [-2, popMember],
  HSET: [-4, setFields],
  HGET: [3, reading(Map, R.NIL, (hash, args) => R.bulk(hash.get(args[2])))],
  HDEL: [-3, (db, args) => removeFrom(db, args, Map)],
  HLEN: [2, reading(Map, R.ZERO, (hash) => R.integer(hash.size))],
  HGETALL: [2, reading(Map, R.EMPTY, (hash) => R.array([...hash].flat()))],
};
