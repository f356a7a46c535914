import * as v from 'valibot';

const Schema = v.object({
  email: v.pipe(v.string(), v.trim(), v.email()),
  size: v.optional(v.picklist(['s', 'm']), 's'),
  at: v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.transform((text) => new Date(text)),
  ),
});
console.log(v.parse(Schema, { email: ' a@b.cc ', at: '2024-01-01T00:00:00Z' }));
console.log(v.flatten(v.safeParse(Schema, { email: 'x', size: 'l', at: 'y' }).issues));
