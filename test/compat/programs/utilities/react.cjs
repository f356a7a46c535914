const { createElement: h, Suspense, use } = require('react');
const { renderToPipeableStream, renderToString } = require('react-dom/server');
const { PassThrough } = require('node:stream');

function List({ items }) {
  return h(
    'ul',
    { className: 'l' },
    items.map((item) => h('li', { key: item }, item)),
  );
}
console.log(
  renderToString(h('main', { style: { color: 'red' } }, h(List, { items: ['a', '<b>'] }))),
);
const later = new Promise((resolve) => setTimeout(resolve, 5, 'later'));
const Later = () => h('p', null, use(later));
const chunks = [];
const { pipe } = renderToPipeableStream(h(Suspense, { fallback: 'wait' }, h(Later)), {
  onAllReady: () =>
    pipe(
      new PassThrough()
        .on('data', (chunk) => chunks.push(chunk))
        .on('end', () => console.log(Buffer.concat(chunks).toString())),
    ),
});
