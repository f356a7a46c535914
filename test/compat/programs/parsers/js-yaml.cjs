const yaml = require('js-yaml');
const YAML = require('yaml');

const text =
  'name: Ada\nlist: &l\n  - 1\n  - two\n  - {a: b}\nagain: *l\ntext: |\n  line one\n  line two\nfolded: >\n  a\n  b\nwhen: 2024-01-01\nnone: ~\n';
console.log(yaml.load(text), yaml.dump({ a: [1, { b: 'c: d' }], e: 'multi\nline' }));
console.log(YAML.parse(text), YAML.stringify({ a: [1, { b: 'x' }], date: new Date(0) }));
try {
  yaml.load('a: [1');
} catch (error) {
  console.log(error.name, error.reason, error.mark.line);
}
const document = YAML.parseDocument('# comment\na: 1 # one\n');
document.set('b', 2);
console.log(
  String(document),
  YAML.parseDocument('a: [').errors.map(({ code }) => code),
);
