import EventEmitter from 'eventemitter3';
import mitt from 'mitt';

const emitter = new EventEmitter();
emitter.once('a', (x) => console.log('once', x));
emitter.on('a', function on(x) {
  console.log('on', x, this === emitter);
});
console.log(
  emitter.emit('a', 1),
  emitter.emit('a', 2),
  emitter.emit('b'),
  emitter.listenerCount('a'),
  emitter.eventNames(),
);
const bus = mitt();
bus.on('*', (type, event) => console.log(type, event));
bus.emit('x', { y: 1 });
