const Handlebars = require('handlebars');

Handlebars.registerHelper('loud', (text) => String(text).toUpperCase());
Handlebars.registerHelper('list', (items, options) =>
  items.map((item) => options.fn(item)).join(', '),
);
Handlebars.registerPartial('row', '<td>{{name}}</td>');
const template = Handlebars.compile(
  '{{#each people}}{{> row}}{{@index}}{{#unless @last}},{{/unless}}{{else}}none{{/each}} {{loud title}} {{{raw}}} {{raw}} {{#list people}}{{name}}{{/list}} {{#if (lookup flags "a")}}yes{{/if}} {{a.b.c}}',
);
console.log(
  template({
    people: [{ name: 'Ada' }, { name: '<Bob>' }],
    title: 'hi',
    raw: '<b>&',
    flags: { a: 1 },
    a: { b: { c: 3 } },
  }),
);
console.log(template({ people: [], title: '', raw: '' }).trim());
try {
  Handlebars.compile('{{#if}}')({});
} catch (error) {
  console.log(error.message.split('\n')[0]);
}
console.log(Handlebars.precompile('{{x}}').length > 100, new Handlebars.SafeString('<').toString());
