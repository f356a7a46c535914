'use strict';
/** The data: strings, lists, sets and hashes by key, and when keys expire. */

// Timers cannot wait longer; a later deadline is looked at again when this much has passed.
const TIMER_MS_MAX = 2 ** 31 - 1;
// Expired keys are invisible at once; removing them may wait, so that many short-lived keys cost
// few timers.
const SWEEP_INTERVAL_MS = 100;

/** A list with both ends open: a ring, because `shift` on a long array moves every element. */
class List {
  constructor() {
    this.ring = new Array(8);
    this.start = 0;
    this.length = 0;
  }

  at(index) {
    return this.ring[(this.start + index) & (this.ring.length - 1)];
  }

  pushLast(value) {
    if (this.length === this.ring.length) this.grow();
    this.ring[(this.start + this.length) & (this.ring.length - 1)] = value;
    this.length += 1;
  }

  pushFirst(value) {
    if (this.length === this.ring.length) this.grow();
    this.start = (this.start - 1) & (this.ring.length - 1);
    this.ring[this.start] = value;
    this.length += 1;
  }

  popFirst() {
    const value = this.ring[this.start];
    this.ring[this.start] = undefined;
    this.start = (this.start + 1) & (this.ring.length - 1);
    this.length -= 1;
    return value;
  }

  popLast() {
    this.length -= 1;
    const place = (this.start + this.length) & (this.ring.length - 1);
    const value = this.ring[place];
    this.ring[place] = undefined;
    return value;
  }

  grow() {
    const wider = new Array(this.ring.length * 2);
    for (let i = 0; i < this.length; i += 1) wider[i] = this.at(i);
    this.ring = wider;
    this.start = 0;
  }
}

/** A set that can hand out a random member in constant time. */
class Members {
  constructor() {
    this.list = [];
    this.places = new Map();
  }

  get size() {
    return this.list.length;
  }

  has(member) {
    return this.places.has(member);
  }

  add(member) {
    if (this.places.has(member)) return false;
    this.places.set(member, this.list.length);
    this.list.push(member);
    return true;
  }

  delete(member) {
    const place = this.places.get(member);
    if (place === undefined) return false;
    const last = this.list.pop();
    this.places.delete(member);
    if (last !== member) {
      this.list[place] = last;
      this.places.set(last, place);
    }
    return true;
  }

  random() {
    return this.list[Math.floor(Math.random() * this.list.length)];
  }
}

class Keyspace {
  constructor() {
    this.values = new Map();
    this.deadlines = new Map();
    this.sweepAt = Number.POSITIVE_INFINITY;
    this.timer = undefined;
    this.expired = 0;
  }

  get(key) {
    if (this.deadlines.size > 0) this.dropIfDue(key);
    return this.values.get(key);
  }

  has(key) {
    return this.get(key) !== undefined;
  }

  /** Stores a value and forgets when the key was to expire. */
  set(key, value) {
    if (this.deadlines.size > 0) this.deadlines.delete(key);
    this.values.set(key, value);
  }

  /** Stores a value and leaves the deadline as it is. */
  update(key, value) {
    this.values.set(key, value);
  }

  delete(key) {
    if (this.deadlines.size > 0) {
      this.dropIfDue(key);
      this.deadlines.delete(key);
    }
    return this.values.delete(key);
  }

  clear() {
    this.values.clear();
    this.deadlines.clear();
  }

  /** Keys that are there now, after removing the expired ones. */
  keys() {
    if (this.deadlines.size > 0) this.sweep();
    return this.values.keys();
  }

  get size() {
    if (this.deadlines.size > 0) this.sweep();
    return this.values.size;
  }

  randomKey() {
    const size = this.size;
    if (size === 0) return undefined;
    let skip = Math.floor(Math.random() * size);
    for (const key of this.values.keys()) {
      if (skip === 0) return key;
      skip -= 1;
    }
    return undefined;
  }

  expireAt(key, deadline) {
    this.deadlines.set(key, deadline);
    if (deadline < this.sweepAt) this.schedule(deadline);
  }

  persist(key) {
    return this.deadlines.delete(key);
  }

  dropIfDue(key) {
    const deadline = this.deadlines.get(key);
    if (deadline === undefined || deadline > Date.now()) return;
    this.deadlines.delete(key);
    this.values.delete(key);
    this.expired += 1;
  }

  sweep() {
    const now = Date.now();
    for (const [key, deadline] of this.deadlines) {
      if (deadline > now) continue;
      this.deadlines.delete(key);
      this.values.delete(key);
      this.expired += 1;
    }
  }

  schedule(deadline) {
    clearTimeout(this.timer);
    const now = Date.now();
    const wait = Math.min(Math.max(deadline - now, SWEEP_INTERVAL_MS), TIMER_MS_MAX);
    this.sweepAt = now + wait;
    this.timer = setTimeout(() => {
      this.sweepAt = Number.POSITIVE_INFINITY;
      this.sweep();
      let next = Number.POSITIVE_INFINITY;
      for (const deadline of this.deadlines.values()) if (deadline < next) next = deadline;
      if (next < Number.POSITIVE_INFINITY) this.schedule(next);
    }, wait);
    this.timer.unref();
  }
}

module.exports = { Keyspace, List, Members };
