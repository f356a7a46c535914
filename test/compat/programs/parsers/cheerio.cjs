const cheerio = require('cheerio');

const $ = cheerio.load('<ul id="f"><li class="a">A</li><li class="b">B &amp; C</li></ul><p>x<br>y');
$('li.a').addClass('new').attr('data-x', '1').after('<li>new</li>');
console.log(
  $('li')
    .map((_, element) => $(element).text())
    .get(),
  $('#f > .b').html(),
  $('p').contents().length,
);
console.log($.html(), $('ul').children().last().prev().text(), $.text());
