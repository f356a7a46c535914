/** Runs the parts one after the other; what each prints follows its name. */

const parts = {
  parser: require('./parser.cjs'),
  answers: require('./answers.cjs'),
  connections: require('./connections.cjs'),
  requests: require('./requests.cjs'),
  agents: require('./agents.cjs'),
};

(async () => {
  for (const [name, run] of Object.entries(parts)) {
    console.log(`## ${name}`);
    await run();
  }
})();
