/**
 * Runs small programs one after the other: what each prints stands below its name. One that throws, or
 * whose promise rejects, shows so; what it leaves behind must not print into the next one.
 */
const { inspect } = require('node:util');

const told = (error) => {
  if (typeof error !== 'object' || error === null) return inspect(error);
  const { name, code, message } = error;
  return [name, code, message].filter((part) => part !== undefined).join(' | ');
};

/** What `act` throws or rejects with, as one line. */
const failure = async (act) => {
  try {
    return `gave ${inspect(await act())}`;
  } catch (error) {
    return told(error);
  }
};

/** `failure` of something that is not asynchronous. */
const thrown = (act) => {
  try {
    return `gave ${inspect(act())}`;
  } catch (error) {
    return told(error);
  }
};

/** Resolves with the arguments of the event. */
const once = (emitter, name) =>
  new Promise((resolve) => emitter.once(name, (...args) => resolve(args)));

async function cases(programs) {
  for (const [name, run] of Object.entries(programs)) {
    console.log(`=== ${name}`);
    try {
      await run();
    } catch (error) {
      console.log('threw', told(error));
    }
  }
  console.log('=== end');
}

module.exports = { cases, failure, once, thrown, told };
