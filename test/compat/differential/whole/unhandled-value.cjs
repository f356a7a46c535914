process.on('uncaughtException', (error) => console.log(error.name, error.code, error.message));
Promise.reject(5);
Promise.reject({ a: 1 });
Promise.reject(undefined);
