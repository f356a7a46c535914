import 'reflect-metadata';
import { Container, inject, injectable } from 'inversify';

@injectable()
class Engine {
  readonly power = 5;
}

@injectable()
class Car {
  readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }
}

const container = new Container();
container.bind(Engine).toSelf().inSingletonScope();
inject(Engine)(Car, undefined, 0);
container.bind(Car).toSelf();
console.log(
  container.get(Car),
  container.get(Car).engine === container.get(Engine),
  container.isBound(Car),
);
