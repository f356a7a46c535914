const Mustache = require('mustache');

console.log(
  Mustache.render(
    '{{#items}}{{name}}{{^last}}, {{/last}}{{/items}} {{&raw}} {{raw}} {{>p}} {{#up}}x{{/up}}',
    {
      items: [{ name: 'a' }, { name: 'b', last: true }],
      raw: '<>',
      up: () => (text, render) => render(text).toUpperCase(),
    },
    { p: '[{{raw}}]' },
  ),
);
console.log(Mustache.parse('a {{b}} c'));
