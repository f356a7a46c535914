'use strict';
/**
 * Work for the CPU without input: primes, sorting, text, JSON, maps, typed arrays, closures. Prints
 * "start", then a checksum that is the same everywhere. Yields between rounds, as a server would.
 *
 *   node bench-cpu.js [rounds]    default 10
 */

const rounds = Number(process.argv[2] ?? 10);
let checksum = 2166136261;
let random = 1;

function mix(value) {
  checksum = Math.imul(checksum ^ (value | 0), 16777619) >>> 0;
}

/** Own generator: the checksum must not depend on Math.random. */
function next() {
  random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
  return random;
}

function primes(limit) {
  const sieve = new Uint8Array(limit);
  let count = 0;
  for (let i = 2; i < limit; i += 1) {
    if (sieve[i] === 1) continue;
    count += 1;
    for (let j = i * i; j < limit; j += i) sieve[j] = 1;
  }
  mix(count);
}

function sorting(length) {
  const values = [];
  for (let i = 0; i < length; i += 1) values.push(next() % 10_000);
  values.sort((a, b) => a - b);
  for (let i = 0; i < length; i += 97) mix(values[i]);
}

function text(lines) {
  const words = ['log', 'lsn', 'epoch', 'turn', 'tick', 'view'];
  let out = '';
  for (let i = 0; i < lines; i += 1) out += `${words[next() % 6]}=${next() % 1000};`;
  const counts = new Map();
  for (const pair of out.split(';')) {
    const word = /^[a-z]+/.exec(pair)?.[0] ?? '';
    counts.set(word, (counts.get(word) ?? 0) + pair.length);
  }
  for (const word of words) mix(counts.get(word) ?? 0);
}

function json(entries) {
  const orders = [];
  for (let i = 0; i < entries; i += 1) {
    orders.push({ id: i, item: `item-${next() % 50}`, price: next() % 10_000, tags: ['a', 'b'] });
  }
  const copy = JSON.parse(JSON.stringify(orders));
  const total = copy.filter((o) => o.price % 2 === 0).reduce((sum, o) => sum + o.price, 0);
  mix(total);
}

function matrix(size) {
  const a = new Float64Array(size * size).map(() => (next() % 100) / 10);
  let trace = 0;
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j < size; j += 1) {
      let sum = 0;
      for (let k = 0; k < size; k += 1) sum += a[i * size + k] * a[k * size + j];
      if (i === j) trace += sum;
    }
  }
  mix(Math.round(trace));
}

class Account {
  #balance = 0;
  constructor(owner) {
    this.owner = owner;
  }
  deposit(amount) {
    if (amount % 13 === 0) throw new RangeError('unlucky');
    this.#balance += amount;
  }
  get balance() {
    return this.#balance;
  }
}

function objects(count) {
  const accounts = Array.from({ length: 20 }, (_, i) => new Account(`owner-${i}`));
  let failures = 0;
  for (let i = 0; i < count; i += 1) {
    try {
      accounts[next() % 20].deposit(next() % 100);
    } catch (error) {
      if (error instanceof RangeError) failures += 1;
      else throw error;
    }
  }
  mix(failures);
  for (const account of accounts) mix(account.balance);
}

let round = 0;
function step() {
  primes(20_000);
  sorting(2_000);
  text(500);
  json(200);
  matrix(24);
  objects(2_000);
  round += 1;
  if (round < rounds) setImmediate(step);
  else console.log(`checksum ${checksum.toString(16).padStart(8, '0')} after ${rounds} rounds`);
}

console.log('start');
setImmediate(step);
