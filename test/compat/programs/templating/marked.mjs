import { marked } from 'marked';

console.log(
  marked.parse(
    '# Title\n\nHello **bold** _it_ `code` [link](http://x "t")\n\n- a\n- b\n  1. c\n\n> quote\n\n```js\nlet x = 1 < 2;\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n<div>html</div>\n\n~~gone~~ https://example.com',
  ),
);
console.log(marked.lexer('*x*')[0].tokens[0].type);
