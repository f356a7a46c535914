const yup = require('yup');

const schema = yup.object({
  name: yup.string().required().min(2),
  age: yup.number().positive().integer().required(),
  on: yup.date().default(() => new Date(0)),
  site: yup.string().url().nullable(),
});
(async () => {
  console.log(await schema.validate({ name: 'Ada', age: '36', site: null }));
  const error = await schema
    .validate({ name: 'A', age: -1.5, site: 'x' }, { abortEarly: false })
    .catch((caught) => caught);
  console.log(
    error.name,
    error.errors,
    error.inner.map(({ path, type }) => [path, type]),
  );
  console.log(schema.cast({ name: 1, age: '2' }), schema.isValidSync({}));
})();
