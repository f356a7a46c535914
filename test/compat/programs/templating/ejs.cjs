const ejs = require('ejs');

console.log(
  ejs.render('<% for (const item of items) { %><li><%= item %></li><% } %>|<%- raw %>', {
    items: ['a', '<b>'],
    raw: '<i>',
  }),
);
const compiled = ejs.compile(
  'Hello <%= name.toUpperCase() %><%# comment %> <%_ if (yes) { _%> yes <%_ } _%>',
  { client: false },
);
console.log(compiled({ name: 'ada', yes: true }));
ejs
  .render('<%= await later() %>', { later: async () => 'later' }, { async: true })
  .then(console.log);
try {
  ejs.render('line one\n<%= missing.x %>', {}, { filename: 'page.ejs' });
} catch (error) {
  console.log(error.name, error.message.split('\n').slice(0, 4));
}
