const { cases, thrown, once } = require('./cases.cjs');

const warned = () => once(process, 'warning').then(([w]) => [w.name, w.code, w.message, w.detail]);
cases({
  environment: () => {
    process.env.A_B = 5;
    console.log(
      process.env.A_B,
      'A_B' in process.env,
      delete process.env.A_B,
      process.env.A_B,
      thrown(() => {
        process.env.X = Symbol('s');
      }),
      Object.keys(process.env).includes('PATH'),
    );
    process.env.U = undefined;
    console.log(process.env.U);
  },
  'arguments and titles': () =>
    console.log(
      process.argv.length,
      process.execArgv,
      typeof process.execPath,
      typeof process.title,
      process.argv0.length > 0,
      typeof process.pid,
      typeof process.ppid,
    ),
  versions: () =>
    console.log(
      process.version === `v${process.versions.node}`,
      typeof process.versions.v8,
      process.release.name,
      process.platform,
      process.arch,
    ),
  directories: () => {
    const cwd = process.cwd();
    process.chdir('/');
    console.log(
      process.cwd(),
      thrown(() => process.chdir('/none')),
    );
    process.chdir(cwd);
    console.log(
      process.cwd() === cwd,
      thrown(() => process.chdir(5)),
    );
  },
  'nextTick with arguments': async () => {
    await new Promise((resolve) =>
      process.nextTick(
        (...args) => {
          console.log(args);
          resolve();
        },
        1,
        2,
      ),
    );
  },
  warnings: async () => {
    const w = warned();
    process.emitWarning('text', { type: 'Mine', code: 'M1', detail: 'more' });
    console.log(await w);
    const v = warned();
    process.emitWarning(new RangeError('as is'));
    console.log(
      await v,
      thrown(() => process.emitWarning(5)),
    );
  },
  'memory and usage': () =>
    console.log(
      Object.keys(process.memoryUsage()).sort().join(),
      process.memoryUsage.rss() > 0,
      Object.keys(process.cpuUsage()).join(),
      process.resourceUsage().maxRSS >= 0,
      process.uptime() >= 0,
      thrown(() => process.cpuUsage(5)),
    ),
  'exit codes': () => {
    console.log(
      process.exitCode,
      thrown(() => {
        process.exitCode = 'x';
      }),
      thrown(() => {
        process.exitCode = 1.5;
      }),
    );
    process.exitCode = '0';
    console.log(process.exitCode);
    process.exitCode = undefined;
  },
  signals: async () => {
    const got = once(process, 'SIGUSR2');
    const kept = setTimeout(() => {}, 1000);
    process.kill(process.pid, 'SIGUSR2');
    console.log(
      await got,
      process.kill(process.pid, 0),
      thrown(() => process.kill(process.pid, 'SIGNOPE')),
      thrown(() => process.kill('x')),
    );
    clearTimeout(kept);
  },
  'users and groups': () =>
    console.log(
      typeof process.getuid(),
      typeof process.getgid(),
      Array.isArray(process.getgroups()),
      process.umask(0o22) >= 0,
      process.umask().toString(8),
      thrown(() => process.umask('x')),
    ),
  hrtime: () => {
    const [s, n] = process.hrtime();
    console.log(s >= 0, n < 1e9, process.hrtime([s, n])[0] >= 0, typeof process.hrtime.bigint());
  },
  'standard streams': () =>
    console.log(
      process.stdout.fd,
      process.stderr.fd,
      process.stdin.fd,
      process.stdout.writable,
      process.stdout.isTTY,
      process.stdout.columns,
    ),
  'features and config': () =>
    console.log(
      typeof process.features.inspector,
      typeof process.config.variables,
      process.allowedNodeEnvironmentFlags instanceof Set,
      typeof process.report,
      process.binding === undefined,
    ),
  getBuiltinModule: () =>
    console.log(
      process.getBuiltinModule?.('node:fs') === require('node:fs'),
      process.getBuiltinModule?.('nope'),
    ),
  uncaughtExceptionCaptureCallback: () => {
    console.log(process.hasUncaughtExceptionCaptureCallback());
    process.setUncaughtExceptionCaptureCallback(() => {});
    console.log(
      process.hasUncaughtExceptionCaptureCallback(),
      thrown(() => process.setUncaughtExceptionCaptureCallback(() => {})),
    );
    process.setUncaughtExceptionCaptureCallback(null);
  },
  'unhandled and handled late': async () => {
    const log = [];
    const a = (reason) => log.push(`un ${reason.message}`);
    const b = () => log.push('late');
    process.on('unhandledRejection', a).on('rejectionHandled', b);
    const p = Promise.reject(new Error('x'));
    await new Promise((resolve) => setTimeout(resolve, 3));
    p.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 3));
    process.off('unhandledRejection', a).off('rejectionHandled', b);
    console.log(log);
  },
  'uncaught in a timer': async () => {
    const got = once(process, 'uncaughtException');
    setTimeout(() => {
      throw new Error('later');
    }, 1);
    const [error, origin] = await got;
    console.log(error.message, origin);
  },
  'emitter of its own': () => {
    console.log(
      process.listenerCount('nothing'),
      process instanceof require('node:events'),
      Object.prototype.toString.call(process),
      process.constructor.name,
    );
  },
  'setSourceMapsEnabled and friends': () =>
    console.log(
      thrown(() => process.setSourceMapsEnabled(true)),
      typeof process.constrainedMemory?.(),
      typeof process.availableMemory?.(),
    ),
});
