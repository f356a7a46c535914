const qs = require('qs');

console.log(
  qs.parse('a[b][c]=1&d[]=x&d[]=y&e[2]=z&f=%C3%A4&g.h=1', { allowDots: true }),
  qs.stringify({ a: { b: [1, 2] }, c: null, d: new Date(0), e: undefined }),
  qs.stringify({ a: ['b', 'c'] }, { arrayFormat: 'brackets', encode: false }),
);
