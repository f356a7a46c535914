import { enablePatches, produce, produceWithPatches } from 'immer';
import { fromJS, Map as IMap, List } from 'immutable';
import * as R from 'ramda';

console.log(
  R.pipe(R.map(R.multiply(2)), R.filter(R.gt(R.__, 2)), R.sum)([1, 2, 3]),
  R.path(['a', 0], { a: [1] }),
  R.evolve({ n: R.inc })({ n: 1 }),
  R.curry((a, b, c) => a + b + c)(1)(2, 3),
);
const base = { list: [{ done: false }], n: 1 };
const next = produce(base, (draft) => {
  draft.list[0].done = true;
  draft.list.push({ done: false });
});
enablePatches();
console.log(
  base.list.length,
  next,
  Object.isFrozen(next),
  produceWithPatches(base, (draft) => {
    draft.n++;
  })[1],
);
console.log(
  IMap({ a: 1 })
    .set('b', List([1, 2]))
    .toJS(),
  fromJS({ a: { b: [1] } }).getIn(['a', 'b', 0]),
  String(List([1]).push(2)),
  IMap({ a: 1 }).equals(IMap({ a: 1 })),
);
