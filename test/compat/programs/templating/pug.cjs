const pug = require('pug');

const render = pug.compile(
  'doctype html\nhtml\n  head\n    title= title\n  body\n    mixin item(x)\n      li&attributes(attributes)= x\n    ul\n      each x, i in items\n        +item(x)(class="n" + i)\n    if !items.length\n      p none\n    else\n      p #{items.length} items, !{raw}\n',
);
console.log(render({ title: 'T', items: ['a', '<b>'], raw: '<i>r</i>' }));
console.log(pug.render('p.a#b(data-x={y: 1}) text'));
try {
  pug.compile('p(', { filename: 'x.pug' });
} catch (error) {
  console.log(error.code, error.msg, error.line);
}
