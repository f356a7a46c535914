import { Effect, Either, pipe, Schedule, Schema } from 'effect';

const program = Effect.gen(function* () {
  const a = yield* Effect.succeed(1);
  const b = yield* Effect.promise(async () => 2);
  yield* Effect.sleep('2 millis');
  return a + b;
});
console.log(await Effect.runPromise(program));
let tries = 0;
console.log(
  await Effect.runPromise(
    Effect.retry(
      Effect.suspend(() => (tries++ < 2 ? Effect.fail('again') : Effect.succeed(tries))),
      Schedule.recurs(5),
    ),
  ),
);
console.log(
  await Effect.runPromise(
    Effect.all(
      [1, 2, 3].map((n) => Effect.succeed(n * 2)),
      { concurrency: 2 },
    ),
  ),
);
console.log(
  Either.isLeft(Schema.decodeUnknownEither(Schema.Struct({ a: Schema.Number }))({ a: 'x' })),
  pipe(1, (n) => n + 1),
  String(await Effect.runPromiseExit(Effect.fail('no'))),
);
