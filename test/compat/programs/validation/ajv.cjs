const Ajv = require('ajv');
const addFormats = require('ajv-formats');

const ajv = addFormats(new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true }));
const validate = ajv.compile({
  type: 'object',
  required: ['id', 'when'],
  properties: {
    id: { type: 'integer', minimum: 1 },
    when: { type: 'string', format: 'date-time' },
    mail: { type: 'string', format: 'email' },
    list: { type: 'array', items: { $ref: '#/definitions/item' }, uniqueItems: true, default: [] },
  },
  additionalProperties: false,
  definitions: { item: { type: 'string', pattern: '^[a-z]+$' } },
});
const good = { id: '7', when: '2024-01-01T00:00:00Z' };
console.log(validate(good), good);
console.log(
  validate({ id: 0, when: 'x', mail: 'y', list: ['a', 'a', 'B'], z: 1 }),
  ajv.errorsText(validate.errors),
);
console.log(validate.errors);
ajv.addKeyword({ keyword: 'even', validate: (on, data) => !on || data % 2 === 0 });
console.log(ajv.validate({ even: true }, 3), ajv.errorsText());
