process.stdout.write('a', () => console.log('written'));
process.stdout.write('b\n');
console.log('c');
process.stdout.end?.call;
console.log(process.stdout.writableLength >= 0);
