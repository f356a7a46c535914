const { XMLBuilder, XMLParser, XMLValidator } = require('fast-xml-parser');
const xml2js = require('xml2js');

const xml = '<?xml version="1.0"?><r a="1"><i>x &amp; y</i><i n="2"/><![CDATA[<c>]]></r>';
console.dir(new XMLParser({ ignoreAttributes: false }).parse(xml), { depth: 5 });
console.log(
  new XMLBuilder({ ignoreAttributes: false, format: true }).build({
    r: { '@_a': 1, i: ['x', '<y>'] },
  }),
  XMLValidator.validate('<a><b></a>'),
);
xml2js.parseString(xml, (error, result) => console.log(error, JSON.stringify(result)));
console.log(
  new xml2js.Builder({ headless: true }).buildObject({ a: { $: { b: 'c' }, d: ['e', 'f'] } }),
);
