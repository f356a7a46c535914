const nunjucks = require('nunjucks');

const env = new nunjucks.Environment(null, { autoescape: true });
env.addFilter('shorten', (text, count) => text.slice(0, count));
console.log(
  env.renderString(
    '{% for i in items %}{{ loop.index }}:{{ i }}{{ ", " if not loop.last }}{% endfor %} {{ name | upper | shorten(2) }} {{ html }} {{ html | safe }} {% set x = 3 %}{{ x * 2 }} {% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}',
    { items: ['a', 'b'], name: 'ada', html: '<b>' },
  ),
);
console.log(
  env.renderString('{{ [3,1,2] | sort | join("-") }} {{ {a: 1} | dump }} {{ "x" | center(5) }}|'),
);
try {
  env.renderString('{% if %}');
} catch (error) {
  console.log(error.name, error.message.split('\n')[0]);
}
