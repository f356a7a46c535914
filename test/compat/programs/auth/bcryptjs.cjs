const bcrypt = require('bcryptjs');

console.log(bcrypt.hashSync('secret', '$2b$04$abcdefghijklmnopqrstuu'));
console.log(
  bcrypt.compareSync('secret', bcrypt.hashSync('secret', 4)),
  bcrypt.getRounds(bcrypt.genSaltSync(5)),
);
bcrypt
  .hash('later', 4)
  .then(async (hash) =>
    console.log(
      hash.length,
      await bcrypt.compare('later', hash),
      await bcrypt.compare('other', hash),
    ),
  );
