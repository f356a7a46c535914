'use strict';
/**
 * Prints, as JSON, every global and every builtin module with their members: what a script can reach.
 * Run as a guest it tells what hv has, run by Node what there is to have. An ordinary script of both;
 * calls nothing but getters.
 */

const { builtinModules } = require('node:module');

/** A function that does nothing but throw ERR_HV_UNSUPPORTED: the name is there, the thing is not. */
const REFUSAL = /^(?:function\s*\w*\(\)|\(\)\s*=>)\s*\{\s*throw unsupported\d*\(/;

/** Set on functions that fail in another way than by throwing at once. */
const REFUSED = Symbol.for('hv.refused');

/** `receiver`: whom a getter is called on; undefined for prototypes, whose getters have nobody. */
function read(owner, name, receiver) {
  const { value, get } = Object.getOwnPropertyDescriptor(owner, name);
  if (get === undefined) return { value };
  if (receiver === undefined) return { accessor: true };
  try {
    return { value: get.call(receiver) };
  } catch (error) {
    return { refused: error?.code === 'ERR_HV_UNSUPPORTED', accessor: true };
  }
}

function isClass(value) {
  if (/^class\b/.test(Function.prototype.toString.call(value))) return true;
  return Object.getOwnPropertyNames(value.prototype ?? {}).length > 1;
}

function kindOf({ value, refused, accessor }) {
  if (refused) return 'refused';
  if (accessor) return 'value';
  if (typeof value !== 'function')
    return typeof value === 'object' && value !== null ? 'object' : 'value';
  if (value[REFUSED] || REFUSAL.test(Function.prototype.toString.call(value))) return 'refused';
  return isClass(value) ? 'class' : 'function';
}

/** Own and inherited string keys, without those every object, array or function has. */
function membersOf(value, receiver) {
  const members = Object.create(null);
  const ends = [Object.prototype, Function.prototype, Array.prototype];
  const goesOn = (at) => at !== null && (at === value || !ends.includes(at));
  for (let at = value; goesOn(at); at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const everyFunctions =
        typeof value === 'function' && /^(?:length|name|prototype|arguments|caller)$/.test(name);
      if (name === 'constructor' || everyFunctions || name in members) continue;
      members[name] = kindOf(read(at, name, receiver));
    }
  }
  return members;
}

function survey(value, kind) {
  const holds = (typeof value === 'object' && value !== null) || typeof value === 'function';
  const found = { kind };
  if (!holds) return found;
  found.members = membersOf(value, value);
  if (kind === 'class') found.methods = membersOf(value.prototype ?? {});
  return found;
}

function surveyGlobals() {
  const found = {};
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const given = read(globalThis, name, globalThis);
    const own = given.value === globalThis ? undefined : given.value;
    found[name] = survey(own, kindOf(given));
  }
  return found;
}

function surveyModules() {
  const found = {};
  for (const name of builtinModules) {
    if (name.startsWith('_')) continue;
    const value = require(name);
    const module = survey(value, kindOf({ value }));
    const classes = Object.entries(module.members ?? {}).filter(([, kind]) => kind === 'class');
    module.classes = Object.fromEntries(
      classes.map(([member]) => [member, membersOf(value[member].prototype ?? {})]),
    );
    found[name] = module;
  }
  return found;
}

const { version } = process;
console.log(JSON.stringify({ version, globals: surveyGlobals(), modules: surveyModules() }));
