const s = require('superstruct');

const User = s.object({
  id: s.number(),
  email: s.refine(s.string(), 'email', (value) => value.includes('@')),
  tags: s.defaulted(s.array(s.string()), []),
});
console.log(s.create({ id: 1, email: 'a@b' }, User));
try {
  s.assert({ id: 'x', email: 'a', tags: [1] }, User);
} catch (error) {
  console.log(
    error.name,
    error.message,
    [...error.failures()].map(({ path, type }) => [path, type]),
  );
}
