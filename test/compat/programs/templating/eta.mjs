import { Eta } from 'eta';

const eta = new Eta();
eta.loadTemplate('@p', '[<%= it.x %>]');
console.log(
  eta.renderString(
    '<% it.items.forEach((i) => { %><%= i %>;<% }) %> <%~ include("@p", { x: "<1>" }) %>',
    { items: ['a', '<b>'] },
  ),
);
console.log(
  await eta.renderStringAsync('<%= await it.later %>', { later: Promise.resolve('later') }),
);
