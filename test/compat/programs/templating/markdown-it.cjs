const markdown = require('markdown-it')({ html: false, linkify: true, typographer: true });

console.log(
  markdown.render(
    '# Title\n\n"Quotes" -- (c) www.example.com\n\n1. one\n2. two\n\n![img](a.png)\n\n<b>escaped</b>\n\n    code\n\n---\n',
  ),
);
console.log(markdown.parseInline('**a**')[0].children.map(({ type }) => type));
