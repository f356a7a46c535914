import 'reflect-metadata';
import { plainToInstance, Type } from 'class-transformer';
import { IsEmail, IsInt, Length, Min, ValidateNested, validate } from 'class-validator';

class Address {
  @Length(2, 20)
  city!: string;
}

class User {
  @IsEmail()
  email!: string;

  @IsInt()
  @Min(18)
  age!: number;

  @ValidateNested()
  @Type(() => Address)
  address!: Address;
}

const user = plainToInstance(User, { email: 'nope', age: 3.5, address: { city: 'x' } });
console.log(user, user.address instanceof Address);
const errors = await validate(user);
console.log(
  errors.map(({ property, constraints, children }) => [
    property,
    constraints,
    children?.map((child) => child.constraints),
  ]),
);
console.log(
  await validate(
    plainToInstance(User, { email: 'a@example.com', age: 20, address: { city: 'Paris' } }),
  ),
);
