import {
  concatMap,
  debounceTime,
  filter,
  firstValueFrom,
  from,
  interval,
  map,
  merge,
  mergeMap,
  of,
  reduce,
  retry,
  Subject,
  take,
  timeout,
  toArray,
} from 'rxjs';

console.log(
  await firstValueFrom(
    from([1, 2, 3, 4]).pipe(
      filter((n) => n % 2 === 0),
      map((n) => n * 10),
      toArray(),
    ),
  ),
);
console.log(
  await firstValueFrom(
    interval(2).pipe(
      take(3),
      concatMap(async (n) => n + 1),
      reduce((sum, n) => sum + n),
    ),
  ),
);
const subject = new Subject();
const last = firstValueFrom(subject.pipe(debounceTime(5)));
for (const key of 'abc') subject.next(key);
console.log(
  await last,
  await firstValueFrom(
    merge(of(1), of(2)).pipe(
      mergeMap((n) => of(n, n)),
      toArray(),
    ),
  ),
);
let tries = 0;
console.log(
  await firstValueFrom(
    from([0]).pipe(
      map(() => {
        if (tries++ < 2) throw new Error('again');
        return tries;
      }),
      retry(3),
    ),
  ),
);
console.log((await firstValueFrom(interval(100).pipe(timeout(5))).catch((error) => error)).name);
