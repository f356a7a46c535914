const { parse } = require('csv-parse');
const { parse: parseSync } = require('csv-parse/sync');
const { stringify } = require('csv-stringify/sync');
const Papa = require('papaparse');

console.log(parseSync('a,b\n1,"x ""y"", z"\n2,\n', { columns: true, cast: true }));
console.log(
  stringify(
    [
      { a: 1, b: 'x,y' },
      { a: null, b: 'q"q' },
    ],
    { header: true },
  ),
);
console.log(
  Papa.parse('n,t\n1,true\n2,x', { header: true, dynamicTyping: true }).data,
  Papa.unparse([{ a: 1, b: ';' }], { delimiter: ';' }),
);
try {
  parseSync('a,b\n1', {});
} catch (error) {
  console.log(error.code, error.message);
}
const rows = [];
const parser = parse({ delimiter: ';' });
parser.on('readable', () => {
  for (let row = parser.read(); row !== null; row = parser.read()) rows.push(row);
});
parser.on('end', () => console.log(rows));
parser.write('1;2\n3;');
parser.end('4\n');
