process.on('warning', (w) => console.log(w.name, w.message));
process.emitWarning('careful');
process.emitWarning('old', 'DeprecationWarning', 'DEP1');
process.emitWarning('old', 'DeprecationWarning', 'DEP1');
process.noDeprecation = true;
process.emitWarning('older', 'DeprecationWarning');
