/** TypeScript and ES modules: prints made-up share prices for a while, then a summary. */

import { setInterval } from 'node:timers';
import { formatPrice, type Quote } from './ticker/format.ts';

const symbols = ['ACME', 'BOLT', 'CRUX'] as const;
type Symbol = (typeof symbols)[number];

const ticks = Number(process.argv[2] ?? 10);
const intervalMs = Number(process.argv[3] ?? 50);
const prices = new Map<Symbol, number>(symbols.map((symbol) => [symbol, 100]));
let done = 0;

function move(symbol: Symbol): Quote {
  const before = prices.get(symbol) ?? 100;
  const price = Math.max(1, before * (1 + (Math.random() - 0.5) / 50));
  prices.set(symbol, price);
  return { symbol, price, change: price / before - 1, time: new Date() };
}

const timer = setInterval(() => {
  const symbol = symbols[Math.floor(Math.random() * symbols.length)] ?? 'ACME';
  console.log(formatPrice(move(symbol)));
  done += 1;
  if (done < ticks) return;
  clearInterval(timer);
  console.log('last prices:', Object.fromEntries(prices));
}, intervalMs);
