const ini = require('ini');
const toml = require('toml');
const dotenv = require('dotenv');

console.log(
  ini.parse('; c\na=1\n[s.t]\nb[]=x\nb[]=y\nc=true\n'),
  ini.stringify({ a: 1, s: { b: ['x', 'y'] } }),
);
console.log(
  toml.parse(
    'title = "T"\n[owner]\nborn = 1979-05-27T07:32:00Z\nn = [1, 2]\n[[p]]\nx = 1.5\n[[p]]\ny = true\n',
  ),
);
console.log(
  dotenv.parse('A=1\nB="two words"\nC=\'single\' # comment\nexport D=x\n#E=5\nF="a\\nb"'),
);
try {
  toml.parse('a = ');
} catch (error) {
  console.log(error.line, error.column);
}
