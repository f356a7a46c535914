process.on('exit', (code) => console.log('exit', code));
try {
  await import('./nowhere.mjs');
} catch (e) {
  console.log(e.code);
}
try {
  await import('nowhere');
} catch (e) {
  console.log(e.code);
}
await import('./nowhere-too.mjs');
