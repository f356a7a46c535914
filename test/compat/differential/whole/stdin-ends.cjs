process.stdin.on('data', (c) => console.log('data', String(c))).on('end', () => console.log('end'));
