'use strict';
/** Commands on sorted sets: an array in order of score and member, and the score of each member. */

const R = require('./resp.js');

class SortedSet {
  constructor() {
    this.order = [];
    this.scores = new Map();
  }

  get size() {
    return this.order.length;
  }

  /** Where (score, member) stands or would stand. */
  placeOf(score, member) {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = this.order[middle];
      if (at.score < score || (at.score === score && at.member < member)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** True when the member is new. */
  add(score, member) {
    const old = this.scores.get(member);
    if (old === score) return false;
    if (old !== undefined) this.order.splice(this.placeOf(old, member), 1);
    this.order.splice(this.placeOf(score, member), 0, { score, member });
    this.scores.set(member, score);
    return old === undefined;
  }

  delete(member) {
    const score = this.scores.get(member);
    if (score === undefined) return false;
    this.order.splice(this.placeOf(score, member), 1);
    return this.scores.delete(member);
  }

  popFirst(count) {
    const taken = this.order.splice(0, count);
    for (const { member } of taken) this.scores.delete(member);
    return taken;
  }
}

function parseScore(text) {
  if (/^[+-]?inf$/i.test(text)) return text[0] === '-' ? -Infinity : Infinity;
  return text.trim() === '' ? Number.NaN : Number(text);
}

function scoreText(score) {
  if (Number.isFinite(score)) return String(score);
  return score > 0 ? 'inf' : '-inf';
}

function listing(entries, withScores) {
  const out = [];
  for (const { score, member } of entries) {
    out.push(member);
    if (withScores) out.push(scoreText(score));
  }
  return R.array(out);
}

function reading(absent, read) {
  return (db, args) => {
    const found = db.get(args[1]);
    if (found === undefined) return absent;
    return found instanceof SortedSet ? read(found, args, db) : R.WRONG_TYPE;
  };
}

function add(db, args) {
  if (args.length % 2 !== 0) return R.SYNTAX;
  const scores = [];
  for (let i = 2; i < args.length; i += 2) scores.push(parseScore(args[i]));
  if (scores.some(Number.isNaN)) return R.failure('value is not a valid float');
  const found = db.get(args[1]);
  if (found !== undefined && !(found instanceof SortedSet)) return R.WRONG_TYPE;
  const set = found ?? new SortedSet();
  if (found === undefined) db.set(args[1], set);
  let count = 0;
  scores.forEach((score, i) => {
    if (set.add(score, args[2 * i + 3])) count += 1;
  });
  return R.integer(count);
}

function range(set, args) {
  if (!/^-?\d{1,15}$/.test(args[2]) || !/^-?\d{1,15}$/.test(args[3])) return R.NOT_INTEGER;
  const withScores = args[4]?.toUpperCase() === 'WITHSCORES';
  if (args.length > (withScores ? 5 : 4)) return R.SYNTAX;
  const from = Number(args[2]);
  const to = Number(args[3]);
  const start = from < 0 ? Math.max(0, from + set.size) : from;
  return listing(set.order.slice(start, to < 0 ? to + set.size + 1 : to + 1), withScores);
}

function popMin(set, args, db) {
  const count = args.length > 2 ? Number(args[2]) : 1;
  if (!(Number.isInteger(count) && count >= 0)) {
    return R.failure('value is out of range, must be positive');
  }
  const taken = set.popFirst(count);
  if (set.size === 0) db.delete(args[1]);
  return listing(taken, true);
}

function remove(set, args, db) {
  let count = 0;
  for (let i = 2; i < args.length; i += 1) if (set.delete(args[i])) count += 1;
  if (set.size === 0) db.delete(args[1]);
  return R.integer(count);
}

const commands = {
  ZADD: [-4, add],
  ZCARD: [2, reading(R.ZERO, (set) => R.integer(set.size))],
  ZPOPMIN: [-2, reading(R.EMPTY, popMin)],
  ZRANGE: [-4, reading(R.EMPTY, range)],
  ZREM: [-3, reading(R.ZERO, remove)],
  ZSCORE: [
    3,
    reading(R.NIL, (set, args) => {
      const score = set.scores.get(args[2]);
      return score === undefined ? R.NIL : R.bulk(scoreText(score));
    }),
  ],
};

module.exports = { SortedSet, commands };
