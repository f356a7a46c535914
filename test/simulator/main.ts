/** `npm run sim -- --seeds N [--seed S] [--sabotage x]`: histories from the command line. */

import { type History, runHistory } from './history.ts';
import { SABOTAGES, type Sabotage } from './sabotage.ts';

function flag(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? undefined : process.argv[at + 1];
}

function sabotageFlag(): Sabotage | undefined {
  const given = flag('sabotage');
  if (given === undefined) return undefined;
  const found = SABOTAGES.find((one) => one === given);
  if (found === undefined) {
    process.stderr.write(`hv: unknown sabotage '${given}'; there are ${SABOTAGES.join(', ')}\n`);
    process.exit(2);
  }
  return found;
}

function print(history: History): void {
  process.stdout.write(`seed ${history.seed}: ${history.end}\n`);
  for (const line of history.trace) process.stdout.write(`  ${line}\n`);
  for (const violation of history.violations) process.stdout.write(`  => ${violation}\n`);
}

function main(): void {
  const sabotage = sabotageFlag();
  const one = flag('seed');
  const first = Number(one ?? 1);
  const count = Number(flag('seeds') ?? 1);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
    process.stderr.write('hv: --seed and --seeds are whole numbers\n');
    process.exit(2);
  }
  if (one !== undefined && count === 1) {
    const history = runHistory({ seed: first, sabotage, trace: true });
    print(history);
    process.exit(history.violations.length > 0 ? 1 : 0);
  }
  const totals = { events: 0, released: 0, epochs: 0, failed: 0 };
  const ends: Record<string, number> = {};
  const started = process.hrtime.bigint();
  for (let seed = first; seed < first + count; seed++) {
    const history = runHistory({ seed, sabotage });
    totals.events += history.events;
    totals.released += history.released;
    totals.epochs += history.epochs;
    ends[history.end] = (ends[history.end] ?? 0) + 1;
    if (history.violations.length === 0) continue;
    totals.failed += 1;
    if (totals.failed <= 3) print(runHistory({ seed, sabotage, trace: true }));
    else process.stdout.write(`seed ${seed}: ${history.violations[0]}\n`);
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  process.stdout.write(
    `${count} histories in ${seconds.toFixed(1)} s (${Math.round(count / seconds)}/s), ` +
      `${totals.failed} failed; ${JSON.stringify(ends)}; ` +
      `${totals.events} events, ${totals.released} outputs released, ${totals.epochs} epochs\n`,
  );
  process.exit(totals.failed > 0 ? 1 : 0);
}

main();
