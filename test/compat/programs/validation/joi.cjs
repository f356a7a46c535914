const Joi = require('joi');

const schema = Joi.object({
  name: Joi.string().alphanum().min(3).required(),
  born: Joi.date().iso().less('2020-01-01'),
  mail: Joi.string().email(),
  repeat: Joi.ref('name'),
  list: Joi.array().items(Joi.number(), Joi.string().valid('x')),
}).with('mail', 'name');
console.log(
  schema.validate({ name: 'ada', born: '1815-12-10', mail: 'a@example.com', list: [1, 'x'] }),
);
console.log(
  schema.validate(
    { name: 'a!', born: '2021-01-01', mail: 'nope', list: [{}] },
    { abortEarly: false },
  ).error.details,
);
console.log(schema.describe().keys.name);
schema
  .validateAsync({})
  .catch((error) => console.log(error.name, error.message, error.annotate(true)));
