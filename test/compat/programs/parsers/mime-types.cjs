const mime = require('mime-types');
const semver = require('semver');

console.log(
  mime.lookup('a.json'),
  mime.contentType('x.html'),
  mime.extension('image/svg+xml'),
  mime.lookup('nope.zzz'),
  mime.charset('text/css'),
);
console.log(
  semver.satisfies('1.2.3', '^1.0.0 || >=3'),
  semver.inc('1.2.3', 'prerelease', 'beta'),
  ['1.10.0', '1.9.0', '2.0.0-a'].sort(semver.compare),
  semver.coerce('v3.4').version,
  semver.minVersion('>1.0').version,
  semver.validRange('x || nope'),
);
