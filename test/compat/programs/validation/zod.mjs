import { z } from 'zod';

const User = z
  .object({
    name: z.string().min(2),
    email: z.email(),
    age: z.coerce.number().int().positive().optional(),
    tags: z.array(z.string()).default([]),
    role: z.enum(['admin', 'user']),
  })
  .strict();
console.log(User.parse({ name: 'Ada', email: 'ada@example.com', age: '36', role: 'admin' }));
const bad = User.safeParse({ name: 'A', email: 'x', role: 'root', extra: 1 });
console.log(bad.success, z.treeifyError(bad.error));
console.log(bad.error.message);
console.log(
  z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('a'), n: z.number() }),
      z.object({ kind: z.literal('b') }),
    ])
    .safeParse({ kind: 'a', n: 'x' }).error.issues,
);
console.log(
  await z
    .string()
    .refine(async (text) => text.length > 3, 'too short')
    .safeParseAsync('ab'),
);
console.log(z.toJSONSchema(User));
console.log(
  z.iso.datetime().safeParse('2024-01-01T00:00:00Z').success,
  z
    .string()
    .transform((text) => text.length)
    .parse('four'),
);
